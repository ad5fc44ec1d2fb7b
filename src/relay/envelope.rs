//! What surrounds spans in a request: the resource and the scope they came under, as bytes. Equal envelopes are kept once
//! however many requests repeat them, and what policies ask of a resource is answered once for each.

use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashTable;

use crate::relay::budget::Charge;
use crate::relay::hash::Keyed;
use crate::relay::sampling::facts::Marks;

/// One resource and one scope, byte for byte, and what is known of them.
#[derive(Debug)]
pub struct Envelope {
    /// Every record of `ResourceSpans` that is not a `ScopeSpans`, in order.
    pub resource: Bytes,
    /// Every record of `ScopeSpans` that is not a span, in order.
    pub scope: Bytes,
    /// Which attribute matchers the resource satisfies.
    pub marks: Marks,
    /// The resource's `service.name` as a keyed hash; none when it has no such name.
    pub service: Option<u64>,
    _charge: Charge,
}

impl Envelope {
    /// What an envelope costs beside its bytes.
    pub const COST: usize = size_of::<Envelope>() + 2 * size_of::<usize>() + TABLE_PLACE + 2 * BYTES_OVERHEAD;

    /// An envelope of these bytes, paid for by `charge`.
    pub fn new(resource: Bytes, scope: Bytes, marks: Marks, service: Option<u64>, charge: Charge) -> Envelope {
        Envelope { resource, scope, marks, service, _charge: charge }
    }

    /// Whether spans under `other` may leave under this one.
    pub fn same_bytes(&self, other: &Envelope) -> bool {
        self.resource == other.resource && self.scope == other.scope
    }
}

const TABLE_PLACE: usize = 24;
const BYTES_OVERHEAD: usize = 32;

/// The envelopes seen lately, each once.
#[derive(Debug)]
pub struct Envelopes {
    table: HashTable<Arc<Envelope>>,
    keyed: Keyed,
}

/// Envelopes remembered beyond the spans that need them; above it, those that no span needs are forgotten.
pub const ENVELOPES_MAX: usize = 256;

impl Envelopes {
    /// None yet.
    pub fn new(keyed: Keyed) -> Envelopes {
        Envelopes { table: HashTable::new(), keyed }
    }

    /// The envelope with these bytes, if it was seen.
    pub fn find(&self, resource: &[u8], scope: &[u8]) -> Option<&Arc<Envelope>> {
        self.table.find(self.hash(resource, scope), |known| known.resource == resource && known.scope == scope)
    }

    /// Remembers a new envelope. When there are too many and all are needed, it is not remembered but works all the same.
    pub fn remember(&mut self, envelope: &Arc<Envelope>) {
        if ENVELOPES_MAX <= self.table.len() {
            self.forget_unneeded();
        }
        if self.table.len() < ENVELOPES_MAX {
            let hash = self.hash(&envelope.resource, &envelope.scope);
            let keyed = self.keyed;
            let rehash = |known: &Arc<Envelope>| hash_of(&keyed, &known.resource, &known.scope);
            self.table.insert_unique(hash, envelope.clone(), rehash);
        }
    }

    /// Forgets what no span needs, which gives its bytes back.
    pub fn forget_unneeded(&mut self) {
        self.table.retain(|known| 1 < Arc::strong_count(known));
    }

    fn hash(&self, resource: &[u8], scope: &[u8]) -> u64 {
        hash_of(&self.keyed, resource, scope)
    }
}

fn hash_of(keyed: &Keyed, resource: &[u8], scope: &[u8]) -> u64 {
    keyed.bytes(resource) ^ keyed.bytes(scope).rotate_left(32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::budget::Budget;

    fn envelope(budget: &Budget, resource: &[u8]) -> Arc<Envelope> {
        let charge = budget.charge(resource.len()).expect("it fits");
        let bytes = Bytes::copy_from_slice(resource);
        Arc::new(Envelope::new(bytes, Bytes::new(), Marks::default(), None, charge))
    }

    #[test]
    fn an_envelope_is_found_by_both_of_its_parts() {
        let budget = Budget::new(100);
        let mut envelopes = Envelopes::new(Keyed::new([1, 2]));
        envelopes.remember(&envelope(&budget, b"resource"));
        assert!(envelopes.find(b"resource", b"").is_some());
        assert!(envelopes.find(b"resource", b"scope").is_none());
        assert!(envelopes.find(b"", b"resource").is_none());
    }

    #[test]
    fn what_no_span_needs_gives_way_and_what_one_needs_does_not() {
        let budget = Budget::new(1 << 20);
        let mut envelopes = Envelopes::new(Keyed::new([1, 2]));
        let needed: Vec<_> = (0..10).map(|number: u32| envelope(&budget, &number.to_le_bytes())).collect();
        needed.iter().for_each(|needed| envelopes.remember(needed));
        for number in 10..ENVELOPES_MAX as u32 + 1 {
            envelopes.remember(&envelope(&budget, &number.to_le_bytes()));
        }
        assert!(needed.iter().all(|needed| envelopes.find(&needed.resource, b"").is_some()));
        assert!(envelopes.find(&11_u32.to_le_bytes(), b"").is_none());
        assert_eq!(budget.charged(), 4 * 11, "ten needed and the newest");
    }
}
