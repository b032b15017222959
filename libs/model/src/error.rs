//! The closed set of error codes that cross a boundary.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $http:literal, $meaning:literal;)*) => {
        /// A stable error code. `docs/errors.md` lists each with what to do; a test compares them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $meaning] $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable text, as in `AX-Q001`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status it maps to.
            pub fn http_status(self) -> u16 {
                match self { $(Self::$name => $http,)* }
            }

            /// One sentence of meaning.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }
        }
    };
}

// tidy: table. One row per code: name, text, HTTP status, meaning.
codes! {
    QuerySyntax = "AX-Q001", 400, "The query cannot be parsed.";
    QueryRegex = "AX-Q002", 400, "A regular expression in the query is not valid.";
    QueryTooLarge = "AX-Q003", 413, "The query, or a regular expression in it, is over its limit.";
    QueryUnknownFilter = "AX-Q004", 400, "The query names a filter that does not exist.";
    QueryBadValue = "AX-Q005", 400, "A filter or parameter has a value out of its range.";
    QueryDeadline = "AX-Q006", 504, "The deadline passed before the whole answer was there.";
    NotUtf8 = "AX-Q007", 400, "The request holds bytes that are not UTF-8.";
    QueryUnavailable = "AX-Q008", 400, "The query uses a filter that other search engines have and this one does not.";
    BadRequest = "AX-A001", 400, "The request cannot be understood.";
    UnknownRepository = "AX-A002", 404, "No such repository.";
    UnknownFile = "AX-A003", 404, "No such file in that repository and branch.";
    NotFound = "AX-A004", 404, "No such page.";
    MethodNotAllowed = "AX-A005", 405, "The page exists, but not with that method.";
    TooLarge = "AX-A006", 413, "The request is larger than what is accepted.";
    WaitTimedOut = "AX-A007", 504, "The version asked for by wait_for was not reached in time.";
    Overloaded = "AX-A008", 503, "The node has as many requests as it can hold; try another, or later.";
    SignatureInvalid = "AX-A009", 401, "The webhook's signature does not match its secret.";
    NotReady = "AX-A010", 503, "The node is not ready to answer yet.";
    ForeignOrigin = "AX-A011", 403, "The request would change something, and comes from a page of another site.";
    NotJson = "AX-A012", 415, "The request would change something, and is not application/json.";
    NoName = "AX-A013", 404, "No name stands at that place of the file.";
    ShardUnavailable = "AX-S001", 503, "No replica of a shard answered.";
    SegmentCorrupt = "AX-S002", 500, "A segment's bytes do not match their checksum.";
    ManifestCorrupt = "AX-S003", 500, "A manifest's bytes cannot be read or do not follow its chain.";
    StoreUnavailable = "AX-S004", 503, "The object store cannot be reached.";
    StoreUnsafe = "AX-S005", 500, "The object store does not honour conditional writes.";
    Fenced = "AX-S006", 409, "Another writer has taken over the shard.";
    StoreFull = "AX-S007", 507, "There is no space left to write.";
    ShardRebuilding = "AX-S008", 503, "The shard is being rebuilt and answers as of before.";
    SymbolsLag = "AX-S009", 503, "Definitions of some files are not extracted yet.";
    LogRecreated = "AX-C001", 500, "The change stream was deleted and created again.";
    LogTruncated = "AX-C002", 500, "The change stream no longer holds the position to read from.";
    LogUnavailable = "AX-C003", 503, "The change stream cannot be reached.";
    ChangeMalformed = "AX-C004", 400, "A change cannot be decoded; it is set aside.";
    ChangeMisrouted = "AX-C005", 400, "A change stands in a shard that it does not belong to; it is set aside.";
    ChangeTooLarge = "AX-C006", 413, "A change is larger than the stream accepts.";
    ChangeUnindexable = "AX-C007", 500, "A change cannot be indexed; it is set aside.";
    CoordinationUnavailable = "AX-K001", 503, "The coordination store cannot be reached.";
    LeaseLost = "AX-K002", 409, "A lease ended before it was renewed.";
    CoordinationBroken = "AX-K003", 500, "The coordination store's own data is broken, or it refuses us.";
    RevisionCompacted = "AX-K004", 409, "A watch asked for changes that the coordination store has forgotten.";
    RepositoryVanished = "AX-R001", 404, "The repository is not there any more.";
    RepositoryCorrupt = "AX-R002", 422, "The repository has objects that cannot be read.";
    RepositoryUnreachable = "AX-R003", 502, "The repository's remote cannot be reached.";
    RepositoryNotGit = "AX-R004", 400, "The path is neither a repository nor a directory of files.";
    RepositoryExists = "AX-R005", 409, "A repository of that name is registered with another source.";
    RepositoryRefused = "AX-R006", 502, "The repository's remote does not let us in.";
    ConfigUnknownKey = "AX-F001", 400, "The configuration names a key that does not exist.";
    ConfigBadValue = "AX-F002", 400, "A configuration value is out of its range or of the wrong type.";
    ConfigUnreadable = "AX-F003", 400, "The configuration file cannot be read.";
    PortTaken = "AX-F004", 500, "The address to listen on is taken.";
    DataLocked = "AX-F005", 500, "Another process uses the data folder.";
    DataFolderUnusable = "AX-F006", 500, "The data folder cannot be made or written.";
    ProfilerUnavailable = "AX-F007", 503, "The process cannot be profiled here.";
    JudgedSetMalformed = "AX-P001", 400, "A set of judged queries cannot be read.";
    ResultsIncomparable = "AX-P002", 400, "Kept results cannot be read, or not be compared with these.";
    Internal = "AX-X001", 500, "A fault of ours; the log has the details under the request's id.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A typed error as it crosses a boundary: code, what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Fault {
    /// The stable code.
    pub code: Code,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The field, parameter or file concerned; empty when there is none.
    pub field: String,
    /// Byte span `[start, end)` in the field's text, when the fault has a place.
    pub span: Option<(usize, usize)>,
    /// What to do about it; empty when the message says it all.
    pub hint: String,
}

impl Fault {
    /// A fault without place or hint.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: String::new(),
            span: None,
            hint: String::new(),
        }
    }

    /// Names the field.
    pub fn in_field(mut self, field: impl Into<String>) -> Self {
        self.field = field.into();
        self
    }

    /// Names the place.
    pub fn at(mut self, start: usize, end: usize) -> Self {
        self.span = Some((start, end));
        self
    }

    /// Says what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
    }
}
