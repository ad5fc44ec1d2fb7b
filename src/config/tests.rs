//! What a configuration promises.
