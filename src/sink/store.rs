//! The most recent traces within a number of bytes: what does not fit pushes out what came first. This is where a query
//! would look; [`Trace`] has the fields that one would ask for.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use crate::sink::wire::{Request, Span};

/// A trace as far as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// 16 bytes.
    pub id: [u8; 16],
    /// The service of the root span; of the earliest span while there is no root.
    pub service: String,
    /// The operation of that span.
    pub operation: String,
    /// Whether its root arrived.
    pub complete: bool,
    /// Distinct spans.
    pub spans: usize,
    /// When it began: nanoseconds since 1970.
    pub start: u64,
    /// From its first span's start to its last one's end.
    pub duration: Duration,
    /// Whether any span has the status ERROR.
    pub error: bool,
    /// Grows with every request that adds to any trace: what is greater than the last one seen is news.
    pub revision: u64,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        let plural = if self.spans == 1 { "" } else { "s" };
        let millis = self.duration.as_secs_f64() * 1e3;
        write!(f, "… {} {} {} span{plural} {millis:.0} ms", self.service, self.operation, self.spans)?;
        f.write_str(if self.error { " error" } else { "" })
    }
}

/// Traces in the order in which they first arrived.
#[derive(Debug)]
pub struct Store {
    bytes_max: usize,
    bytes: usize,
    revision: u64,
    order: VecDeque<[u8; 16]>,
    traces: HashMap<[u8; 16], Held>,
}

/// What a request brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Spans in it.
    pub spans: u64,
    /// Of these, spans that were here already.
    pub duplicates: u64,
    /// Of these, spans without a usable id.
    pub invalid: u64,
    /// Traces pushed out for it.
    pub evicted: u64,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    revision: u64,
    services: Vec<String>,
    spans: HashMap<[u8; 8], Record>,
}

/// A span without what nobody asks for yet.
#[derive(Debug)]
struct Record {
    service: usize,
    root: bool,
    name: String,
    start: u64,
    end: u64,
    error: bool,
}

impl Store {
    /// A store of at most `bytes_max` bytes, as counted by itself.
    pub fn new(bytes_max: usize) -> Store {
        let (order, traces) = (VecDeque::new(), HashMap::new());
        Store { bytes_max, bytes: 0, revision: 0, order, traces }
    }

    /// Takes a request's spans.
    pub fn take(&mut self, request: Request) -> Taken {
        let mut taken = Taken::default();
        self.revision += 1;
        for resource in request.resource_spans {
            let service = resource.service().to_owned();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                taken.spans += 1;
                match self.add(&service, span) {
                    Added::New => {}
                    Added::Again => taken.duplicates += 1,
                    Added::Invalid => taken.invalid += 1,
                }
            }
        }
        while self.bytes_max < self.bytes && self.evict() {
            taken.evicted += 1;
        }
        taken
    }

    /// Everything held, oldest first.
    pub fn traces(&self) -> Vec<Trace> {
        let held = self.order.iter().filter_map(|id| Some((*id, self.traces.get(id)?)));
        held.map(|(id, held)| held.summary(id)).collect()
    }

    /// Bytes held, as counted by itself.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn add(&mut self, service: &str, span: Span) -> Added {
        let (Ok(trace), Ok(id)) = (<[u8; 16]>::try_from(&*span.trace_id), <[u8; 8]>::try_from(&*span.span_id)) else {
            return Added::Invalid;
        };
        let held = match self.traces.entry(trace) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(place) => {
                self.order.push_back(trace);
                self.bytes += TRACE_COST;
                place.insert(Held { bytes: TRACE_COST, ..Held::default() })
            }
        };
        if held.spans.contains_key(&id) {
            return Added::Again;
        }
        let cost = held.insert(service, id, span);
        held.revision = self.revision;
        self.bytes += cost;
        Added::New
    }

    fn evict(&mut self) -> bool {
        let held = self.order.pop_front().and_then(|oldest| self.traces.remove(&oldest));
        self.bytes -= held.as_ref().map_or(0, |held| held.bytes);
        held.is_some()
    }
}

enum Added {
    New,
    Again,
    Invalid,
}

impl Held {
    fn insert(&mut self, service: &str, id: [u8; 8], span: Span) -> usize {
        let mut cost = SPAN_COST + span.name.len();
        let place = self.services.iter().position(|known| known == service).unwrap_or_else(|| {
            cost += service.len();
            self.services.push(service.to_owned());
            self.services.len() - 1
        });
        let (root, error) = (span.parent_span_id.is_empty(), span.is_error());
        let record = Record { service: place, root, name: span.name, start: span.start, end: span.end, error };
        self.spans.insert(id, record);
        self.bytes += cost;
        cost
    }

    fn summary(&self, id: [u8; 16]) -> Trace {
        let mut trace = Trace { id, spans: self.spans.len(), revision: self.revision, ..Trace::default() };
        let spans = || self.spans.values();
        // A root is first even where a clock says otherwise.
        if let Some(head) = spans().min_by_key(|span| (!span.root, span.start)) {
            trace.service.clone_from(&self.services[head.service]);
            trace.operation.clone_from(&head.name);
            trace.complete = head.root;
        }
        trace.start = spans().map(|span| span.start).min().unwrap_or_default();
        let end = spans().map(|span| span.end).max().unwrap_or_default();
        trace.duration = Duration::from_nanos(end.saturating_sub(trace.start));
        trace.error = spans().any(|span| span.error);
        trace
    }
}

/// What a trace and a span cost beside their texts, in bytes: a little more than their entries.
const TRACE_COST: usize = 256;
const SPAN_COST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tests::{request, span};

    #[test]
    fn a_trace_is_summed_up_from_its_spans_in_whatever_order_they_come() {
        let mut store = Store::new(1 << 20);
        let child = span(7, 2, 1, "model_inference", 20, 612_000_000, true);
        store.take(request("worker", vec![child]));
        let early = store.traces().remove(0);
        assert_eq!((early.operation.as_str(), early.complete), ("model_inference", false));
        store.take(request("hand-gesture-api", vec![span(7, 1, 0, "asl_prediction", 10, 30, false)]));
        let trace = store.traces().remove(0);
        assert_eq!(trace.to_string(), "07070707… hand-gesture-api asl_prediction 2 spans 612 ms error");
        assert!(trace.complete && early.revision < trace.revision);
    }

    #[test]
    fn a_span_that_comes_twice_is_held_once_and_counted() {
        let mut store = Store::new(1 << 20);
        let same = request("a", vec![span(1, 1, 0, "x", 1, 2, false)]);
        assert_eq!(store.take(same.clone()), Taken { spans: 1, ..Taken::default() });
        assert_eq!(store.take(same), Taken { spans: 1, duplicates: 1, ..Taken::default() });
        assert_eq!(store.traces()[0].spans, 1);
    }

    #[test]
    fn spans_without_ids_are_counted_and_not_held() {
        let mut store = Store::new(1 << 20);
        let mut nameless = span(1, 1, 0, "x", 1, 2, false);
        nameless.trace_id = bytes::Bytes::from_static(b"short");
        assert_eq!(store.take(request("a", vec![nameless])), Taken { spans: 1, invalid: 1, ..Taken::default() });
        assert_eq!((store.traces().len(), store.bytes()), (0, 0));
    }

    #[test]
    fn the_oldest_traces_go_when_the_bytes_are_full() {
        let mut store = Store::new(5 * (TRACE_COST + SPAN_COST + 2));
        for id in 1..=9 {
            store.take(request("a", vec![span(id, 1, 0, "x", 1, 2, false)]));
            assert!(store.bytes() <= store.bytes_max);
        }
        let ids: Vec<u8> = store.traces().iter().map(|trace| trace.id[0]).collect();
        assert_eq!(ids, [5, 6, 7, 8, 9]);
        let mut tiny = Store::new(0);
        assert_eq!(tiny.take(request("a", vec![span(1, 1, 0, "x", 1, 2, false)])).evicted, 1);
        assert_eq!((tiny.bytes(), tiny.traces().len()), (0, 0));
    }
}
