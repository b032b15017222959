//! What stands at a place of a file.

use super::{identifier, imports::imports_of, lines, near::Origin};
use crate::{Result, Segment, Snapshot};
use ax_model::DocKey;

/// A place of a file.
#[derive(Debug, Clone)]
pub struct PlaceQuery<'a> {
    /// Repository and path.
    pub key: &'a DocKey,
    /// Branch; none for the default one, or the only version.
    pub branch: Option<&'a str>,
    /// Git's id of the blob in hex; none for that of the branch.
    pub blob: Option<&'a str>,
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1, in characters.
    pub column: u32,
}

/// What stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The name; empty where there is none.
    pub name: String,
    /// Column of its first character, from 1, in characters.
    pub column: u32,
    /// Column after its last character.
    pub end_column: u32,
    /// Git's id of the blob in hex.
    pub blob: String,
    /// Where the question for it is asked from.
    pub origin: Origin,
}

impl Snapshot {
    /// The name at a place, with what is needed to find its likeliest meaning; `None` when there is no
    /// such file here, or it has no text. A caret right behind a name is at it.
    pub fn place(&self, query: &PlaceQuery<'_>) -> Result<Option<Place>> {
        let Some((part, doc)) = self.version(query.key, query.branch, query.blob)? else {
            return Ok(None);
        };
        let segment = &*part.segment;
        let text = segment.text(doc);
        let record = segment.docs.record(doc)?;
        let mut place = Place { blob: record.blob.to_string(), ..Place::default() };
        let Some(line) = lines::line_of(segment, doc, query.line) else { return Ok(Some(place)) };
        let bytes = &text[line.clone()];
        let name = lines::byte_of(bytes, query.column).and_then(|at| identifier::at(bytes, at));
        let Some(name) = name else { return Ok(Some(place)) };
        place.name = String::from_utf8_lossy(&bytes[name.clone()]).into_owned();
        place.column = lines::column(bytes, name.start);
        place.end_column = lines::column(bytes, name.end);
        place.origin = Origin {
            repo: query.key.repo.as_str().to_owned(),
            path: query.key.path.clone(),
            branch: query.branch.unwrap_or_default().to_owned(),
            language: segment.docs.strings.language(record.language).to_owned(),
            scopes: scopes(segment, doc, line.start + name.start)?,
            imports: imports_of(text),
        };
        Ok(Some(place))
    }
}

/// The names of the definitions around a place, outermost first, and of what they are declared for: a
/// method written outside of its type is in it all the same. So is the name of a definition, of which
/// what it is declared for is around it, and the definition is not.
fn scopes(segment: &Segment, doc: u32, at: usize) -> Result<Vec<String>> {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    let Some(marks) = segment.marks.of(doc)? else { return Ok(Vec::new()) };
    let mut scopes: Vec<String> = Vec::new();
    let around = marks.scopes_at(at).into_iter().chain(marks.end_of(at).map(|_| at));
    for start in around {
        let name = identifier::from(segment.text(doc), start as usize);
        let container = container(segment, doc, start, name)?;
        for scope in container.into_iter().chain((start < at).then(|| name.to_vec())) {
            let scope = String::from_utf8_lossy(&scope).into_owned();
            if !scope.is_empty() && !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
    }
    Ok(scopes)
}

fn container(segment: &Segment, doc: u32, start: u32, name: &[u8]) -> Result<Option<Vec<u8>>> {
    let Some((_, places)) = segment.symbols.find(name)? else { return Ok(None) };
    let place = places.iter().find(|place| place.doc == doc && place.start == start);
    let number = place.and_then(|place| place.container);
    number.map(|number| segment.symbols.name(number)).transpose()
}
