//! What the scanner checks and does not keep: the fields of spans it accepted, of their events, resources and scopes,
//! read a second time for those who ask for them. Nothing is checked here again; of other bytes, what follows the first
//! error is not shown.

use super::Limits;
use super::fields::{FIXED32, FIXED64, LEN, VARINT, any_value as any, key_value, list};
use super::varint::{chunk, fixed32, fixed64, key, skip, varint};

/// A field's value as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire<'a> {
    /// A varint, or four or eight bytes.
    Number(u64),
    /// What has a length: text, bytes, or a message.
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    /// The bytes; none where there is a number.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Wire::Bytes(bytes) => bytes,
            Wire::Number(_) => &[],
        }
    }

    /// The number; 0 where there are bytes.
    pub fn number(self) -> u64 {
        match self {
            Wire::Number(number) => number,
            Wire::Bytes(_) => 0,
        }
    }
}

/// The fields of a message one by one, each with its key as in [`super::fields`]; groups are passed over.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of these bytes.
    pub fn of(message: &'a [u8]) -> Fields<'a> {
        Fields { rest: message }
    }

    fn read(&mut self) -> Option<(u32, Wire<'a>)> {
        loop {
            let field = key(&mut self.rest).ok()?;
            let value = match field & 7 {
                VARINT => Wire::Number(varint(&mut self.rest).ok()?),
                FIXED64 => Wire::Number(fixed64(&mut self.rest).ok()?),
                FIXED32 => Wire::Number(u64::from(fixed32(&mut self.rest).ok()?)),
                LEN => Wire::Bytes(chunk(&mut self.rest).ok()?),
                _ => {
                    skip(field, &mut self.rest, Limits::DEPTH).ok()?;
                    continue;
                }
            };
            return Some((field, value));
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Wire<'a>);

    fn next(&mut self) -> Option<(u32, Wire<'a>)> {
        let read = self.read();
        if read.is_none() {
            self.rest = &[];
        }
        read
    }
}

/// The message in a record that is one field with a length, as [`super::Sighting`] says where a span's is.
pub fn message(record: &[u8]) -> &[u8] {
    Fields::of(record).next().map_or(&[], |(_, value)| value.bytes())
}

/// Any value, lists and maps unread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Any<'a> {
    /// No value, or one that has meaning in profiles only.
    Empty,
    /// Text.
    Str(&'a [u8]),
    /// A truth.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// An `ArrayValue`; see [`items`].
    Array(&'a [u8]),
    /// A `KeyValueList`, whose entries are fields of the key [`list::VALUES`]; see [`entries`].
    Map(&'a [u8]),
}

impl<'a> Any<'a> {
    /// Takes over what an `AnyValue` says: the last member of the oneof, and none leaves the value as it was.
    fn take(&mut self, message: &'a [u8]) {
        for (field, value) in Fields::of(message) {
            *self = match field {
                any::STRING => Any::Str(value.bytes()),
                any::BOOL => Any::Bool(value.number() != 0),
                any::INT => Any::Int(value.number() as i64),
                any::DOUBLE => Any::Double(f64::from_bits(value.number())),
                any::ARRAY => Any::Array(value.bytes()),
                any::KVLIST => Any::Map(value.bytes()),
                any::BYTES => Any::Bytes(value.bytes()),
                any::STRING_STRINDEX => Any::Empty,
                _ => continue,
            };
        }
    }
}

/// Key and value of a `KeyValue`.
pub fn pair(message: &[u8]) -> (&[u8], Any<'_>) {
    let (mut name, mut value): (&[u8], _) = (&[], Any::Empty);
    for (field, part) in Fields::of(message) {
        match field {
            key_value::KEY => name = part.bytes(),
            key_value::VALUE => value.take(part.bytes()),
            _ => {}
        }
    }
    (name, value)
}

/// The pairs in a message, which are its fields of the key `entries`.
pub fn entries(message: &[u8], entries: u32) -> impl Iterator<Item = (&[u8], Any<'_>)> {
    Fields::of(message).filter(move |(field, _)| *field == entries).map(|(_, value)| pair(value.bytes()))
}

/// The values in an `ArrayValue`.
pub fn items(message: &[u8]) -> impl Iterator<Item = Any<'_>> {
    Fields::of(message).filter(|(field, _)| *field == list::VALUES).map(|(_, value)| {
        let mut item = Any::Empty;
        item.take(value.bytes());
        item
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
    use prost::Message;

    use super::*;

    fn encoded(value: Value) -> Vec<u8> {
        KeyValue { key: "k".to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
            .encode_to_vec()
    }

    #[test]
    fn every_kind_of_value_is_read_as_prost_wrote_it() {
        for (value, expect) in [
            (Value::StringValue("text".to_owned()), Any::Str(b"text")),
            (Value::BoolValue(true), Any::Bool(true)),
            (Value::IntValue(-3), Any::Int(-3)),
            (Value::DoubleValue(2.5), Any::Double(2.5)),
            (Value::BytesValue(vec![1, 2]), Any::Bytes(&[1, 2])),
        ] {
            assert_eq!(pair(&encoded(value)), (&b"k"[..], expect));
        }
        let items_of = |value| match pair(&encoded(value)).1 {
            Any::Array(message) => items(message).map(|item| format!("{item:?}")).collect(),
            Any::Map(message) => entries(message, list::VALUES).map(|entry| format!("{entry:?}")).collect(),
            other => vec![format!("{other:?}")],
        };
        let one = AnyValue { value: Some(Value::IntValue(1)) };
        let array = Value::ArrayValue(ArrayValue { values: vec![one.clone(), AnyValue::default()] });
        assert_eq!(items_of(array), ["Int(1)", "Empty"]);
        let pair = KeyValue { key: "a".to_owned(), value: Some(one), ..KeyValue::default() };
        assert_eq!(items_of(Value::KvlistValue(KeyValueList { values: vec![pair] })), ["([97], Int(1))"]);
    }

    #[test]
    fn a_group_is_passed_over_and_reading_ends_at_the_first_error() {
        let bytes = [0x0b, 0x10, 1, 0x0c, 0x10, 7, 0x12, 9, 1];
        assert_eq!(Fields::of(&bytes).collect::<Vec<_>>(), [(0x10, Wire::Number(7))]);
    }
}
