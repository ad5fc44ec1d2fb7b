//! Protobuf and gRPC bytes as a collector would write them, made by hand.

/// A message of length-delimited fields.
pub(crate) fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, value) in fields {
        varint(u64::from(number << 3 | 2), &mut bytes);
        varint(value.len() as u64, &mut bytes);
        bytes.extend_from_slice(value);
    }
    bytes
}

/// A message of integer fields, negative ones as protobuf writes them.
pub(crate) fn integers(fields: &[(u32, i64)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for &(number, value) in fields {
        varint(u64::from(number << 3), &mut bytes);
        varint(value as u64, &mut bytes);
    }
    bytes
}

/// A `google.rpc.RetryInfo`.
pub(crate) fn retry_info(seconds: i64, nanos: i64) -> Vec<u8> {
    message(&[(1, &integers(&[(1, seconds), (2, nanos)]))])
}

/// A `google.rpc.Status` with a RetryInfo among its details.
pub(crate) fn status_with(retry_info: &[u8]) -> Vec<u8> {
    let any = message(&[(1, b"type.googleapis.com/google.rpc.RetryInfo"), (2, retry_info)]);
    [integers(&[(1, 14)]), message(&[(2, b"busy"), (3, &any)])].concat()
}

/// An `ExportTraceServiceResponse` that says how many spans were rejected.
pub(crate) fn partial_success(rejected: i64, why: &str) -> Vec<u8> {
    message(&[(1, &[integers(&[(1, rejected)]), message(&[(2, why.as_bytes())])].concat())])
}

/// A message with gRPC's prefix.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while 0x80 <= value {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
