//! What a regular expression costs to translate, counted on its syntax tree, and what a whole query may
//! spend.
//!
//! Translation is where a short text grows: `\pL` becomes 659 ranges, and ignoring case walks over every
//! character of a class, again for each bracket around it. So the tree is counted before it is
//! translated, and what came of it before it is compiled. The bounds are sums over the query, since three
//! hundred expressions cost as much as one that is three hundred times as large. Measured at the bounds,
//! optimised: 40 ms to translate, 50 ms to compile; what people write takes less than one.

use regex_syntax::ast::{self, Ast, ClassPerlKind, ClassSetItem};
use regex_syntax::hir::{Class, Hir, HirKind, translate::Translator};

use crate::Limits;
use crate::size::num_states;

/// Every character there is: about what a negated class holds.
const ALL_CHARS: usize = 0x11_0000;
/// Characters of `\w`, roughly.
const WORD_CHARS: usize = 140_000;

/// What translating one expression takes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Classes of Unicode, as `\w` and `\pL`.
    classes: usize,
    /// Steps of putting the members of bracketed classes together.
    steps: usize,
    /// Characters that are walked over to ignore case.
    folded: usize,
    /// Whether a flag of its own may ignore case.
    has_flags: bool,
}

/// Why an expression is not translated or compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Too many classes of Unicode.
    Classes,
    /// Bracketed classes that are too large.
    Brackets,
    /// Too many states for one expression.
    One,
    /// Too many states in all.
    All,
}

/// What a query has spent so far.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    pub(crate) limits: &'a Limits,
    classes: usize,
    steps: usize,
    states: usize,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, classes: 0, steps: 0, states: 0 }
    }

    /// Pays for a translation, before it is made.
    pub(crate) fn translate(&mut self, cost: &Cost, ignore_case: bool) -> Result<(), Over> {
        self.classes = self.classes.saturating_add(cost.classes);
        let folded = if ignore_case || cost.has_flags { cost.folded } else { 0 };
        self.steps = self.steps.saturating_add(cost.steps).saturating_add(folded);
        if self.classes > self.limits.max_classes {
            return Err(Over::Classes);
        }
        if self.steps > self.limits.max_class_steps { Err(Over::Brackets) } else { Ok(()) }
    }

    /// Pays for compiling what came of it.
    pub(crate) fn compile(&mut self, hir: &Hir) -> Result<(), Over> {
        let states = num_states(hir);
        self.states = self.states.saturating_add(states);
        match () {
            () if states > self.limits.max_regex_states => Err(Over::One),
            () if self.states > self.limits.max_states => Err(Over::All),
            () => Ok(()),
        }
    }
}

impl Cost {
    /// Costs no more than reading the tree, and looking up the classes that it names.
    pub(crate) fn of(ast: &Ast, limits: &Limits) -> Self {
        let counter = Counter { cost: Self::default(), depth: 0, most: limits.max_classes };
        let Ok(cost) = ast::visit(ast, counter);
        cost
    }
}

struct Counter {
    cost: Cost,
    /// Brackets and operators around the present place.
    depth: usize,
    /// Classes that are looked up; with more, the expression is refused for their number.
    most: usize,
}

impl Counter {
    fn class(&mut self, chars: usize) {
        self.cost.classes += 1;
        self.fold(chars);
    }

    /// Each bracket ignores case anew for all that is in it.
    fn fold(&mut self, chars: usize) {
        let folded = chars.saturating_mul(self.depth.max(1));
        self.cost.folded = self.cost.folded.saturating_add(folded);
    }

    fn named(&mut self, class: &ast::ClassUnicode) {
        let looked_up = self.cost.classes < self.most;
        self.class(if looked_up { num_chars(class) } else { 0 });
    }

    fn perl(&mut self, class: &ast::ClassPerl) {
        self.class(match class.kind {
            _ if class.negated => ALL_CHARS,
            ClassPerlKind::Word => WORD_CHARS,
            ClassPerlKind::Digit | ClassPerlKind::Space => 1_000,
        });
    }

    fn open(&mut self, negated: bool) {
        if negated && self.depth > 0 {
            self.fold(ALL_CHARS); // what is left of it is folded by the brackets around it
        }
        self.depth += 1;
    }
}

impl ast::Visitor for Counter {
    type Output = Cost;
    type Err = std::convert::Infallible;

    fn finish(self) -> Result<Cost, Self::Err> {
        Ok(self.cost)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        match ast {
            Ast::ClassUnicode(class) => self.named(class),
            Ast::ClassPerl(_) => self.cost.classes += 1, // a table that has both cases
            Ast::ClassBracketed(class) => self.open(class.negated),
            Ast::Flags(_) => self.cost.has_flags = true,
            Ast::Group(group) => self.cost.has_flags |= group.flags().is_some(),
            _ => {}
        }
        Ok(())
    }

    fn visit_post(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        self.depth -= usize::from(matches!(ast, Ast::ClassBracketed(_)));
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Self::Err> {
        match item {
            ClassSetItem::Empty(_) => {}
            ClassSetItem::Literal(_) => self.fold(1),
            ClassSetItem::Range(range) => {
                let len = u32::from(range.end.c).saturating_sub(u32::from(range.start.c));
                self.fold(len as usize + 1);
            }
            ClassSetItem::Ascii(class) => self.fold(if class.negated { ALL_CHARS } else { 128 }),
            ClassSetItem::Unicode(class) => self.named(class),
            ClassSetItem::Perl(class) => self.perl(class),
            ClassSetItem::Bracketed(class) => self.open(class.negated),
            // each member is put into its place among those before it
            ClassSetItem::Union(union) => {
                let steps = union.items.len().saturating_mul(union.items.len());
                self.cost.steps = self.cost.steps.saturating_add(steps);
            }
        }
        Ok(())
    }

    fn visit_class_set_item_post(&mut self, item: &ClassSetItem) -> Result<(), Self::Err> {
        self.depth -= usize::from(matches!(item, ClassSetItem::Bracketed(_)));
        Ok(())
    }

    fn visit_class_set_binary_op_pre(
        &mut self,
        _: &ast::ClassSetBinaryOp,
    ) -> Result<(), Self::Err> {
        self.depth += 1;
        Ok(())
    }

    fn visit_class_set_binary_op_post(
        &mut self,
        _: &ast::ClassSetBinaryOp,
    ) -> Result<(), Self::Err> {
        self.depth -= 1;
        Ok(())
    }
}

/// How many characters a named class holds; none if there is no such class, which translation reports.
fn num_chars(class: &ast::ClassUnicode) -> usize {
    let hir = Translator::new().translate("", &Ast::class_unicode(class.clone()));
    match hir.as_ref().map(Hir::kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => class.iter().map(|range| range.len()).sum(),
        _ => 0,
    }
}
