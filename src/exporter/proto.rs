//! Just enough protobuf to read a collector's answer: fields of a message one after the other, bounds checked, nothing
//! allocated, nothing recursive. Whatever the bytes are, it ends with fields or with [`Malformed`], never with a panic.

/// Bytes that are not a protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire types 1 and 5: nothing we read has them.
    Fixed,
    /// Wire type 2.
    Bytes(&'a [u8]),
}

/// The fields of one message in order: number and value. The first error is the last item.
pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

/// Iterator over the fields of a message.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u32, Value<'a>), Malformed> {
        let key = u32::try_from(self.varint()?).map_err(|_| Malformed)?;
        let number = key >> 3;
        if number == 0 {
            return Err(Malformed);
        }
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            // Groups are of no message we read.
            _ => return Err(Malformed),
        };
        Ok((number, value))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for place in 0..10 {
            let byte = self.take(1)?[0];
            if place == 9 && 1 < byte {
                return Err(Malformed);
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_order_and_unknown_ones_are_passed() {
        let message = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8];
        let seen: Vec<_> = fields(&message).collect();
        let expect =
            [(1, Value::Varint(150)), (2, Value::Bytes(b"hi".as_slice())), (3, Value::Fixed), (4, Value::Fixed)];
        assert_eq!(seen, expect.map(Ok));
    }

    #[test]
    fn what_is_cut_short_too_long_or_not_a_field_is_malformed_once() {
        let cases: [&[u8]; 8] = [
            &[0x08],
            &[0x12, 0x05, b'x'],
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            &[0x00, 0x00],
            &[0x0b],
            &[0x0f],
            &[0x1d, 1, 2],
        ];
        for case in cases {
            assert_eq!(fields(case).collect::<Vec<_>>(), [Err(Malformed)], "{case:02x?}");
        }
    }
}
