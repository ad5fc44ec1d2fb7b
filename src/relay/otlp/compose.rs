//! Writes requests out of envelopes and span records as they arrived. Large pieces stay slices of the requests they came in; small ones are
//! copied together with the headers, so that what goes out is neither many tiny slices nor one large copy.

use bytes::{BufMut, Bytes, BytesMut};

use super::fields::{request, resource_spans};
use super::varint;

/// Spans that leave under one resource: one `ResourceSpans`.
#[derive(Clone, Default, Debug)]
pub struct Group {
    /// Every record of the `ResourceSpans` but its `scope_spans`.
    pub resource: Bytes,
    /// For each scope, every record of the `ScopeSpans` but its `spans`, and runs of span records.
    pub scopes: Vec<(Bytes, Vec<Bytes>)>,
}

/// Pieces shorter than this many bytes are copied.
pub const COPY_BELOW: usize = 4096;

/// The length in bytes of the request that [`compose`] writes.
pub fn encoded_len(groups: &[Group]) -> usize {
    groups.iter().map(|group| record_len(request::RESOURCE_SPANS, group.len())).sum()
}

/// Appends to `out` the slices of one request that holds `groups` in their order.
pub fn compose(groups: &[Group], out: &mut Vec<Bytes>) {
    let mut writer = Writer { buffer: BytesMut::with_capacity(copied_len(groups)), out };
    for group in groups {
        writer.header(request::RESOURCE_SPANS, group.len());
        writer.piece(&group.resource);
        for (scope, runs) in &group.scopes {
            writer.header(resource_spans::SCOPE_SPANS, scope_len(scope, runs));
            writer.piece(scope);
            runs.iter().for_each(|run| writer.piece(run));
        }
    }
    writer.flush();
}

impl Group {
    fn len(&self) -> usize {
        let scopes =
            self.scopes.iter().map(|(scope, runs)| record_len(resource_spans::SCOPE_SPANS, scope_len(scope, runs)));
        self.resource.len() + scopes.sum::<usize>()
    }
}

fn scope_len(scope: &Bytes, runs: &[Bytes]) -> usize {
    // The runs are records already: their tags and lengths came with them.
    scope.len() + runs.iter().map(Bytes::len).sum::<usize>()
}

fn record_len(key: u32, len: usize) -> usize {
    varint::len(u64::from(key)) + varint::len(len as u64) + len
}

/// The most that can be copied: every header and every small piece. One allocation holds it all.
fn copied_len(groups: &[Group]) -> usize {
    let small = |piece: &Bytes| if piece.len() < COPY_BELOW { piece.len() } else { 0 };
    let scope = |(scope, runs): &(Bytes, Vec<Bytes>)| HEADER_MAX + small(scope) + runs.iter().map(small).sum::<usize>();
    groups.iter().map(|group| HEADER_MAX + small(&group.resource) + group.scopes.iter().map(scope).sum::<usize>()).sum()
}

/// One tag byte and a length.
const HEADER_MAX: usize = 11;

struct Writer<'a> {
    buffer: BytesMut,
    out: &'a mut Vec<Bytes>,
}

impl Writer<'_> {
    fn header(&mut self, key: u32, len: usize) {
        varint::put(u64::from(key), &mut self.buffer);
        varint::put(len as u64, &mut self.buffer);
    }

    fn piece(&mut self, piece: &Bytes) {
        if piece.len() < COPY_BELOW {
            self.buffer.put_slice(piece);
        } else {
            self.flush();
            self.out.push(piece.clone());
        }
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            self.out.push(self.buffer.split().freeze());
        }
    }
}
