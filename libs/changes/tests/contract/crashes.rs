//! What each back end does when the ground moves.

mod embedded;
mod kafka;
