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
    order: Order,
    query: Box<str>,
    options: Box<[u8]>,
}

/// What the caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rights {
    /// There are no permissions yet.
    Everything,
}

/// What the order of files rests on beside the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Order {
    /// Version of the ranking's parameters.
    pub ranking: u64,
    /// The day as of which files are young or old, in days since 1970.
    pub today: u32,
}

impl Key {
    /// The key of `query` with `options` in a view, in an order. Everything in the options counts but how
    /// long search may take, and whether it may be kept.
    pub fn new(
        view: ViewId,
        rights: Rights,
        order: Order,
        query: &Query,
        options: &SearchOptions,
    ) -> Self {
        let options = SearchOptions { timeout_ms: 0, no_cache: false, ..*options };
        Self {
            view,
            rights,
            order,
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
