//! What kind of value an expression gives, as far as that is known before there is a span.

/// A kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Whatever the span says: an attribute.
    Any,
    Nil,
    Bool,
    Int,
    Double,
    Text,
    Bytes,
    TraceId,
    SpanId,
    List,
    Map,
    Duration,
    Time,
}

impl Type {
    /// The words for a value of this kind.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Type::Any => "anything",
            Type::Nil => "nil",
            Type::Bool => "true or false",
            Type::Int => "a whole number",
            Type::Double => "a number",
            Type::Text => "text",
            Type::Bytes => "bytes",
            Type::TraceId => "a trace id",
            Type::SpanId => "a span id",
            Type::List => "a list",
            Type::Map => "a map",
            Type::Duration => "a duration",
            Type::Time => "a point in time",
        }
    }

    /// Whether values of the two kinds can be equal. Nil can be what any function gives and only a field never is.
    pub(super) fn meets(self, other: Type) -> bool {
        let number = |kind| matches!(kind, Type::Int | Type::Double);
        self == other || self == Type::Any || other == Type::Any || (number(self) && number(other))
    }
}
