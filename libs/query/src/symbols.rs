//! Rules on a tree as written: which definitions a `symkind:` restricts, and where bare patterns look.

use crate::resolve::{Leaf, Node, RawPattern};
use crate::scan::Slashed;
use crate::settings::{Settled, TextIn};
use crate::values::KindFilter;
use crate::{Field, Limits, QueryError};

/// The tree with the settings of the whole query applied, and with each `symkind:` in the `sym:` that it
/// restricts: all those of its own conjunction, and of what stands in parentheses there. One that has none
/// stays where it is.
pub(crate) fn apply(node: Node, settled: &Settled, limits: &Limits) -> Result<Node, QueryError> {
    let mut node = node;
    match settled.text_in {
        TextIn::Anything => {}
        TextIn::Content => node.each_leaf(&mut |leaf| {
            if let Leaf::Text(_, field) = leaf {
                *field = Field::Content;
            }
        }),
        TextIn::Symbols => node = in_symbols(node, limits)?,
    }
    let mut node = bind(node);
    if let Some(kinds) = &settled.kinds {
        node.restrict(kinds);
    }
    Ok(node)
}

/// The tree with each bare pattern looking in names of definitions. One that asks for none finds every
/// definition.
fn in_symbols(mut node: Node, limits: &Limits) -> Result<Node, QueryError> {
    node.each_leaf(&mut |leaf| {
        if let Leaf::Text(pattern, Field::Either) = leaf {
            *leaf = Leaf::Sym(std::mem::take(pattern), Vec::new());
        }
    });
    if node.wants_symbol() {
        return Ok(node);
    }
    let any = RawPattern::regex(Slashed::plain(".".to_owned(), 0..0), limits)?;
    Ok(Node::And(vec![node, Node::Leaf(Leaf::Sym(any, Vec::new()))]))
}

fn bind(node: Node) -> Node {
    match node {
        Node::And(members) => {
            let is_kind = |member: &Node| matches!(member, Node::Leaf(Leaf::SymKind(..)));
            let (mut kinds, rest): (Vec<_>, Vec<_>) = members.into_iter().partition(is_kind);
            let mut rest: Vec<Node> = rest.into_iter().map(bind).collect();
            kinds.retain(|kind| match kind {
                Node::Leaf(Leaf::SymKind(kinds, _)) => {
                    !rest.iter_mut().fold(false, |any, member| member.restrict(kinds) | any)
                }
                _ => true,
            });
            rest.append(&mut kinds);
            Node::And(rest)
        }
        Node::Or(members) => Node::Or(members.into_iter().map(bind).collect()),
        Node::Not(inner) => Node::Not(Box::new(bind(*inner))),
        leaf => leaf,
    }
}

impl Node {
    fn each_leaf(&mut self, change: &mut impl FnMut(&mut Leaf)) {
        match self {
            Node::And(members) | Node::Or(members) => {
                members.iter_mut().for_each(|member| member.each_leaf(change));
            }
            Node::Not(inner) => inner.each_leaf(change),
            Node::Leaf(leaf) => change(leaf),
        }
    }

    /// Restricts every pattern over names of definitions; false if there is none.
    fn restrict(&mut self, kinds: &KindFilter) -> bool {
        let mut any = false;
        self.each_leaf(&mut |leaf| {
            if let Leaf::Sym(_, restricted) = leaf {
                restricted.push(kinds.clone());
                any = true;
            }
        });
        any
    }

    /// Whether a name of a definition is sought, not only ruled out.
    fn wants_symbol(&self) -> bool {
        match self {
            Node::And(members) | Node::Or(members) => members.iter().any(Node::wants_symbol),
            Node::Not(_) => false,
            Node::Leaf(leaf) => matches!(leaf, Leaf::Sym(..)),
        }
    }
}
