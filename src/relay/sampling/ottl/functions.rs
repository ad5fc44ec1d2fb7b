//! The functions: what they are called, what they take, and what they give. What is not in this table is refused by its
//! name; functions that OTTL has and that are not here read a clock, parse whole documents, or hash.

use super::types::Type;

/// A function by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Bool,
    Coalesce,
    Concat,
    ContainsValue,
    Double,
    Duration,
    HasPrefix,
    HasSuffix,
    Hours,
    Index,
    Int,
    Is(Type),
    IsEmpty,
    IsMatch,
    IsRootSpan,
    Len,
    Micros,
    Millis,
    Minutes,
    Nanos,
    Seconds,
    SpanId,
    Split,
    String,
    Substring,
    ToLower,
    ToUpper,
    TraceId,
    Trim,
    TrimPrefix,
    TrimSuffix,
    UnixMicro,
    UnixMilli,
    UnixNano,
    UnixSeconds,
}

/// What a function takes in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Any,
    /// Of this kind.
    Of(Type),
    /// Whatever has a text.
    TextLike,
    /// Whatever can be read as a number, or as a truth.
    NumberLike,
    /// Text or bytes.
    BytesLike,
    /// A list that is written out.
    WrittenList,
    /// Text that is written out.
    WrittenText,
    /// `true` or `false`, written out.
    WrittenBool,
}

/// The name of a parameter, what it takes, and whether it may be left out.
pub(super) type Parameter = (&'static str, Want, bool);

/// A function.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) function: Function,
    pub(super) parameters: &'static [Parameter],
    pub(super) gives: Type,
}

const ANY: &[Parameter] = &[("target", Want::Any, false)];
const TEXT: &[Parameter] = &[("target", Want::Of(Type::Text), false)];
const NUMBER: &[Parameter] = &[("target", Want::NumberLike, false)];
const BYTES: &[Parameter] = &[("target", Want::BytesLike, false)];
const LASTING: &[Parameter] = &[("duration", Want::Of(Type::Duration), false)];
const MOMENT: &[Parameter] = &[("time", Want::Of(Type::Time), false)];
const PREFIX: &[Parameter] = &[("target", Want::Of(Type::Text), false), ("prefix", Want::Of(Type::Text), false)];
const SUFFIX: &[Parameter] = &[("target", Want::Of(Type::Text), false), ("suffix", Want::Of(Type::Text), false)];

const fn of(name: &'static str, function: Function, parameters: &'static [Parameter], gives: Type) -> Signature {
    Signature { name, function, parameters, gives }
}

/// Every function there is.
pub(super) const ALL: &[Signature] = &[
    of("Bool", Function::Bool, NUMBER, Type::Bool),
    of("Coalesce", Function::Coalesce, &[("values", Want::WrittenList, false)], Type::Any),
    of(
        "Concat",
        Function::Concat,
        &[("vals", Want::Of(Type::List), false), ("delimiter", Want::Of(Type::Text), false)],
        Type::Text,
    ),
    of(
        "ContainsValue",
        Function::ContainsValue,
        &[("target", Want::Of(Type::List), false), ("item", Want::Any, false)],
        Type::Bool,
    ),
    of("Double", Function::Double, NUMBER, Type::Double),
    of("Duration", Function::Duration, &[("duration", Want::Of(Type::Text), false)], Type::Duration),
    of("HasPrefix", Function::HasPrefix, PREFIX, Type::Bool),
    of("HasSuffix", Function::HasSuffix, SUFFIX, Type::Bool),
    of("Hours", Function::Hours, LASTING, Type::Double),
    of("Index", Function::Index, &[("target", Want::Any, false), ("value", Want::Any, false)], Type::Int),
    of("Int", Function::Int, NUMBER, Type::Int),
    of("IsBool", Function::Is(Type::Bool), ANY, Type::Bool),
    of("IsDouble", Function::Is(Type::Double), ANY, Type::Bool),
    of("IsEmpty", Function::IsEmpty, ANY, Type::Bool),
    of("IsInt", Function::Is(Type::Int), ANY, Type::Bool),
    of("IsList", Function::Is(Type::List), ANY, Type::Bool),
    of("IsMap", Function::Is(Type::Map), ANY, Type::Bool),
    of(
        "IsMatch",
        Function::IsMatch,
        &[("target", Want::TextLike, false), ("pattern", Want::WrittenText, false)],
        Type::Bool,
    ),
    of("IsRootSpan", Function::IsRootSpan, &[], Type::Bool),
    of("IsString", Function::Is(Type::Text), ANY, Type::Bool),
    of("Len", Function::Len, ANY, Type::Int),
    of("Microseconds", Function::Micros, LASTING, Type::Int),
    of("Milliseconds", Function::Millis, LASTING, Type::Int),
    of("Minutes", Function::Minutes, LASTING, Type::Double),
    of("Nanoseconds", Function::Nanos, LASTING, Type::Int),
    of("Seconds", Function::Seconds, LASTING, Type::Double),
    of("SpanID", Function::SpanId, BYTES, Type::SpanId),
    of(
        "Split",
        Function::Split,
        &[("target", Want::Of(Type::Text), false), ("delimiter", Want::Of(Type::Text), false)],
        Type::List,
    ),
    of("String", Function::String, &[("target", Want::TextLike, false)], Type::Text),
    of(
        "Substring",
        Function::Substring,
        &[
            ("target", Want::Of(Type::Text), false),
            ("start", Want::Of(Type::Int), false),
            ("length", Want::Of(Type::Int), false),
            ("utf8_safe", Want::WrittenBool, true),
        ],
        Type::Text,
    ),
    of("ToLowerCase", Function::ToLower, TEXT, Type::Text),
    of("ToUpperCase", Function::ToUpper, TEXT, Type::Text),
    of("TraceID", Function::TraceId, BYTES, Type::TraceId),
    of(
        "Trim",
        Function::Trim,
        &[("target", Want::Of(Type::Text), false), ("replacement", Want::WrittenText, true)],
        Type::Text,
    ),
    of("TrimPrefix", Function::TrimPrefix, PREFIX, Type::Text),
    of("TrimSuffix", Function::TrimSuffix, SUFFIX, Type::Text),
    of("UnixMicro", Function::UnixMicro, MOMENT, Type::Int),
    of("UnixMilli", Function::UnixMilli, MOMENT, Type::Int),
    of("UnixNano", Function::UnixNano, MOMENT, Type::Int),
    of("UnixSeconds", Function::UnixSeconds, MOMENT, Type::Int),
];

impl Want {
    /// Whether a value of this kind can be taken. Text that is written out and the like is seen to elsewhere.
    pub(super) fn accepts(self, kind: Type) -> bool {
        match (self, kind) {
            (Want::Any | Want::WrittenList | Want::WrittenText | Want::WrittenBool, _) | (_, Type::Any) => true,
            (Want::Of(wanted), kind) => wanted == kind,
            (Want::TextLike, kind) => !matches!(kind, Type::TraceId | Type::SpanId | Type::Time),
            (Want::NumberLike, kind) => {
                matches!(kind, Type::Nil | Type::Bool | Type::Int | Type::Double | Type::Text)
            }
            (Want::BytesLike, kind) => matches!(kind, Type::Text | Type::Bytes),
        }
    }

    /// The words for what is taken.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Want::Any => "anything",
            Want::Of(kind) => kind.name(),
            Want::TextLike => "what has a text",
            Want::NumberLike => "what can be read as a number",
            Want::BytesLike => "text or bytes",
            Want::WrittenList => "a list that is written out",
            Want::WrittenText => "a text that is written out",
            Want::WrittenBool => "`true` or `false`",
        }
    }
}
