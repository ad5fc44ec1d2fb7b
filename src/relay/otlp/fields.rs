//! Field keys of the OTLP trace messages: field number and wire type as the one number that stands on the wire.
//! The numbers are those of opentelemetry-proto 1.11 (`trace/v1`, `common/v1`, `resource/v1`); the tests hold them against generated code.

/// A varint follows.
pub const VARINT: u32 = 0;
/// Eight bytes follow.
pub const FIXED64: u32 = 1;
/// A length and that many bytes follow.
pub const LEN: u32 = 2;
/// Fields follow until the end mark of the same number.
pub const GROUP: u32 = 3;
/// The end mark of a group.
pub const GROUP_END: u32 = 4;
/// Four bytes follow.
pub const FIXED32: u32 = 5;

/// The key of field `number` with the wire type `wire`.
pub const fn key(number: u32, wire: u32) -> u32 {
    number << 3 | wire
}

/// `ExportTraceServiceRequest`.
pub mod request {
    use super::{LEN, key};
    /// repeated ResourceSpans
    pub const RESOURCE_SPANS: u32 = key(1, LEN);
    /// Highest known field number.
    pub const LAST: u32 = 1;
}

/// `ResourceSpans`.
pub mod resource_spans {
    use super::{LEN, key};
    /// Resource
    pub const RESOURCE: u32 = key(1, LEN);
    /// repeated ScopeSpans
    pub const SCOPE_SPANS: u32 = key(2, LEN);
    /// string
    pub const SCHEMA_URL: u32 = key(3, LEN);
    /// Highest known field number.
    pub const LAST: u32 = 3;
}

/// `ScopeSpans`.
pub mod scope_spans {
    use super::{LEN, key};
    /// InstrumentationScope
    pub const SCOPE: u32 = key(1, LEN);
    /// repeated Span
    pub const SPANS: u32 = key(2, LEN);
    /// string
    pub const SCHEMA_URL: u32 = key(3, LEN);
    /// Highest known field number.
    pub const LAST: u32 = 3;
}

/// `Resource`.
pub mod resource {
    use super::{LEN, VARINT, key};
    /// repeated KeyValue
    pub const ATTRIBUTES: u32 = key(1, LEN);
    /// uint32
    pub const DROPPED_ATTRIBUTES: u32 = key(2, VARINT);
    /// repeated EntityRef
    pub const ENTITY_REFS: u32 = key(3, LEN);
    /// Highest known field number.
    pub const LAST: u32 = 3;
}

/// `EntityRef`: fields 1 to 4, each of them text.
pub mod entity_ref {
    use super::{LEN, key};
    /// string
    pub const SCHEMA_URL: u32 = key(1, LEN);
    /// string
    pub const TYPE: u32 = key(2, LEN);
    /// repeated string
    pub const ID_KEYS: u32 = key(3, LEN);
    /// repeated string
    pub const DESCRIPTION_KEYS: u32 = key(4, LEN);
    /// Highest known field number.
    pub const LAST: u32 = 4;
}

/// `InstrumentationScope`.
pub mod scope {
    use super::{LEN, VARINT, key};
    /// string
    pub const NAME: u32 = key(1, LEN);
    /// string
    pub const VERSION: u32 = key(2, LEN);
    /// repeated KeyValue
    pub const ATTRIBUTES: u32 = key(3, LEN);
    /// uint32
    pub const DROPPED_ATTRIBUTES: u32 = key(4, VARINT);
    /// Highest known field number.
    pub const LAST: u32 = 4;
}

/// `Span`.
pub mod span {
    use super::{FIXED32, FIXED64, LEN, VARINT, key};
    /// bytes
    pub const TRACE_ID: u32 = key(1, LEN);
    /// bytes
    pub const SPAN_ID: u32 = key(2, LEN);
    /// string
    pub const TRACE_STATE: u32 = key(3, LEN);
    /// bytes
    pub const PARENT_SPAN_ID: u32 = key(4, LEN);
    /// string
    pub const NAME: u32 = key(5, LEN);
    /// enum
    pub const KIND: u32 = key(6, VARINT);
    /// fixed64
    pub const START: u32 = key(7, FIXED64);
    /// fixed64
    pub const END: u32 = key(8, FIXED64);
    /// repeated KeyValue
    pub const ATTRIBUTES: u32 = key(9, LEN);
    /// uint32
    pub const DROPPED_ATTRIBUTES: u32 = key(10, VARINT);
    /// repeated Event
    pub const EVENTS: u32 = key(11, LEN);
    /// uint32
    pub const DROPPED_EVENTS: u32 = key(12, VARINT);
    /// repeated Link
    pub const LINKS: u32 = key(13, LEN);
    /// uint32
    pub const DROPPED_LINKS: u32 = key(14, VARINT);
    /// Status
    pub const STATUS: u32 = key(15, LEN);
    /// fixed32
    pub const FLAGS: u32 = key(16, FIXED32);
    /// Highest known field number.
    pub const LAST: u32 = 16;
}

/// `Span.Event`.
pub mod event {
    use super::{FIXED64, LEN, VARINT, key};
    /// fixed64
    pub const TIME: u32 = key(1, FIXED64);
    /// string
    pub const NAME: u32 = key(2, LEN);
    /// repeated KeyValue
    pub const ATTRIBUTES: u32 = key(3, LEN);
    /// uint32
    pub const DROPPED_ATTRIBUTES: u32 = key(4, VARINT);
    /// Highest known field number.
    pub const LAST: u32 = 4;
}

/// `Span.Link`.
pub mod link {
    use super::{FIXED32, LEN, VARINT, key};
    /// bytes
    pub const TRACE_ID: u32 = key(1, LEN);
    /// bytes
    pub const SPAN_ID: u32 = key(2, LEN);
    /// string
    pub const TRACE_STATE: u32 = key(3, LEN);
    /// repeated KeyValue
    pub const ATTRIBUTES: u32 = key(4, LEN);
    /// uint32
    pub const DROPPED_ATTRIBUTES: u32 = key(5, VARINT);
    /// fixed32
    pub const FLAGS: u32 = key(6, FIXED32);
    /// Highest known field number.
    pub const LAST: u32 = 6;
}

/// `Status`. Field 1 is reserved, so it is an unknown field.
pub mod status {
    use super::{LEN, VARINT, key};
    /// string
    pub const MESSAGE: u32 = key(2, LEN);
    /// enum
    pub const CODE: u32 = key(3, VARINT);
    /// Highest known field number.
    pub const LAST: u32 = 3;
}

/// `KeyValue`.
pub mod key_value {
    use super::{LEN, VARINT, key};
    /// string
    pub const KEY: u32 = key(1, LEN);
    /// AnyValue
    pub const VALUE: u32 = key(2, LEN);
    /// int32
    pub const KEY_STRINDEX: u32 = key(3, VARINT);
    /// Highest known field number.
    pub const LAST: u32 = 3;
}

/// `AnyValue`: a oneof.
pub mod any_value {
    use super::{FIXED64, LEN, VARINT, key};
    /// string
    pub const STRING: u32 = key(1, LEN);
    /// bool
    pub const BOOL: u32 = key(2, VARINT);
    /// int64
    pub const INT: u32 = key(3, VARINT);
    /// double
    pub const DOUBLE: u32 = key(4, FIXED64);
    /// ArrayValue
    pub const ARRAY: u32 = key(5, LEN);
    /// KeyValueList
    pub const KVLIST: u32 = key(6, LEN);
    /// bytes
    pub const BYTES: u32 = key(7, LEN);
    /// int32
    pub const STRING_STRINDEX: u32 = key(8, VARINT);
    /// Highest known field number.
    pub const LAST: u32 = 8;
}

/// `ArrayValue` (of AnyValue) and `KeyValueList` (of KeyValue) have one field each, with the same key.
pub mod list {
    use super::{LEN, key};
    /// repeated AnyValue or KeyValue
    pub const VALUES: u32 = key(1, LEN);
    /// Highest known field number.
    pub const LAST: u32 = 1;
}
