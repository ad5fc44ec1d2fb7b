//! Runs merge neighbours, keep order, and let a request go with its last run.

use bytes::Bytes;

use super::*;
use crate::relay::budget::Budget;
use crate::relay::sampling::facts::Marks;

fn request(runs: &mut Runs, budget: &Budget) -> u32 {
    let frame = Frame::new(vec![0; 100], budget.charge(100).expect("it fits"));
    let charge = budget.charge(0).expect("nothing fits");
    let envelope = Arc::new(Envelope::new(Bytes::new(), Bytes::new(), Marks::default(), None, charge));
    runs.open(frame, vec![envelope.clone(), envelope])
}

fn drain(runs: &mut Runs, chain: &mut Chain) -> Vec<(usize, usize)> {
    let mut seen = Vec::new();
    while let Some(piece) = runs.first(chain) {
        let (offset, len, spans) = (piece.offset, piece.len, piece.spans);
        seen.push((offset, len));
        runs.advance(chain, spans, len);
    }
    seen
}

#[test]
fn neighbours_become_one_run_and_others_do_not() {
    let (budget, mut runs, mut chain) = (Budget::new(1000), Runs::default(), Chain::default());
    let (one, two) = (request(&mut runs, &budget), request(&mut runs, &budget));
    runs.append(&mut chain, one, 0, 10, 5);
    runs.append(&mut chain, one, 0, 15, 5);
    runs.append(&mut chain, one, 0, 30, 5);
    runs.append(&mut chain, one, 1, 35, 5);
    runs.append(&mut chain, two, 1, 40, 5);
    assert_eq!((chain.spans, chain.bytes), (5, 25));
    runs.finish(one);
    runs.finish(two);
    assert_eq!(drain(&mut runs, &mut chain), [(10, 10), (30, 5), (35, 5), (40, 5)]);
    assert!(runs.is_empty() && chain.is_empty());
}

#[test]
fn a_run_can_go_piece_by_piece() {
    let (budget, mut runs, mut chain) = (Budget::new(1000), Runs::default(), Chain::default());
    let at = request(&mut runs, &budget);
    (0..4).for_each(|number| runs.append(&mut chain, at, 0, number * 5, 5));
    runs.finish(at);
    runs.advance(&mut chain, 3, 15);
    assert_eq!((chain.spans, chain.bytes), (1, 5));
    assert_eq!(drain(&mut runs, &mut chain), [(15, 5)]);
    assert_eq!((chain.spans, chain.bytes, budget.charged()), (0, 0, 0));
}

#[test]
fn a_request_goes_with_its_last_run() {
    let (budget, mut runs) = (Budget::new(1000), Runs::default());
    let (mut first, mut second) = (Chain::default(), Chain::default());
    let at = request(&mut runs, &budget);
    runs.append(&mut first, at, 0, 0, 5);
    runs.append(&mut second, at, 0, 5, 5);
    runs.finish(at);
    runs.drop_all(first);
    assert_eq!(budget.charged(), 100);
    runs.drop_all(second);
    assert_eq!((budget.charged(), runs.owed()), (0, 0));
}

#[test]
fn a_request_without_runs_goes_when_it_has_been_read() {
    let (budget, mut runs) = (Budget::new(1000), Runs::default());
    let at = request(&mut runs, &budget);
    assert_eq!(budget.charged(), 100);
    runs.finish(at);
    assert_eq!(budget.charged(), 0);
}
