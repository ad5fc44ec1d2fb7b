//! Tailwater.

pub mod relay;
