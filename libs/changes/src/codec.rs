//! [`ax_model::Change`] to record bytes and back.
