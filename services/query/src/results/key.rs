//! What an answer is kept under.

use crate::shards::ViewId;
use ax_proto::search::SearchOptions;
use ax_query::Query;
use prost::Message;

/// All that shapes an answer of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    view: ViewId,
    rights: Rights,
    /// Of the ranking's parameters.
    ranking: u64,
    query: Box<str>,
    options: Box<[u8]>,
}

/// What the caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rights {
    /// There are no permissions yet.
    Everything,
}

impl Key {
    /// The key of `query` with `options` in a view, in the order of a version of the ranking. Everything in the options counts but how long the
    /// search may take, and whether it may be kept.
    pub fn new(
        view: ViewId,
        rights: Rights,
        ranking: u64,
        query: &Query,
        options: &SearchOptions,
    ) -> Self {
        let options = SearchOptions { timeout_ms: 0, no_cache: false, ..*options };
        Self {
            view,
            rights,
            ranking,
            query: query.to_string().into(),
            options: options.encode_to_vec().into(),
        }
    }

    /// The same in another view.
    pub fn in_view(&self, view: ViewId) -> Self {
        Self { view, ..self.clone() }
    }

    /// Where the answer was found.
    pub fn view(&self) -> ViewId {
        self.view
    }

    /// Bytes of it in memory.
    pub(super) fn weight(&self) -> u64 {
        (size_of::<Self>() + self.query.len() + self.options.len()) as u64
    }
}
