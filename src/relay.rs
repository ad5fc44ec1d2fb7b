//! What happens to a span: the pure floor.

pub mod otlp;
