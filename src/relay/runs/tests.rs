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

/// What the spans of a chain are, in order.
fn bytes(runs: &mut Runs, chain: &mut Chain) -> Vec<u8> {
    let mut seen = Vec::new();
    while let Some(piece) = runs.first(chain) {
        seen.extend_from_slice(&piece.frame.bytes()[piece.offset..piece.offset + piece.len]);
        let (spans, len) = (piece.spans, piece.len);
        runs.advance(chain, spans, len);
    }
    seen
}

/// A request whose bytes are all different, in spans of ten bytes, and one chain for each third of them.
fn in_thirds(runs: &mut Runs, budget: &Budget) -> [Chain; 3] {
    let frame = Frame::new((0..90).collect(), budget.charge(90).expect("it fits"));
    let charge = budget.charge(0).expect("nothing fits");
    let envelope = Arc::new(Envelope::new(Bytes::new(), Bytes::new(), Marks::default(), None, charge));
    let request = runs.open(frame, vec![envelope]);
    let mut chains = [Chain::default(), Chain::default(), Chain::default()];
    (0..9).for_each(|span| runs.append(&mut chains[span % 3], request, 0, 10 * span as u32, 10));
    runs.finish(request);
    chains
}

#[test]
fn a_request_of_which_less_than_half_is_needed_gives_that_up_as_a_copy() {
    let (budget, mut runs) = (Budget::new(1000), Runs::default());
    let [one, two, mut three] = in_thirds(&mut runs, &budget);
    runs.drop_all(one);
    assert_eq!(runs.idle(), 0, "two thirds are needed");
    runs.drop_all(two);
    assert_eq!((runs.idle(), budget.charged()), (60, 90));
    assert!(!runs.is_copy(&three));
    runs.copy_out(&budget);
    assert_eq!((runs.idle(), budget.charged()), (0, 30));
    assert!(runs.is_copy(&three));
    let expected: Vec<u8> = (20..30).chain(50..60).chain(80..90).collect();
    assert_eq!(bytes(&mut runs, &mut three), expected);
    assert_eq!((runs.is_empty(), budget.charged()), (true, 0));
}

#[test]
fn what_cannot_be_paid_for_is_not_copied_and_not_tried_again_before_there_is_more() {
    let (budget, mut runs) = (Budget::new(1000), Runs::default());
    let [one, two, mut three] = in_thirds(&mut runs, &budget);
    let rest = budget.charge(budget.limit() - budget.charged()).expect("all the rest");
    runs.drop_all(one);
    runs.drop_all(two);
    runs.copy_out(&budget);
    assert_eq!((runs.idle(), budget.charged()), (0, 1000));
    drop(rest);
    runs.advance(&mut three, 1, 10);
    assert_eq!(runs.idle(), 10);
    runs.copy_out(&budget);
    assert_eq!(budget.charged(), 20);
    assert_eq!(bytes(&mut runs, &mut three), (50..60).chain(80..90).collect::<Vec<u8>>());
}

#[test]
fn a_request_that_is_being_read_is_not_copied() {
    let (budget, mut runs, mut chain) = (Budget::new(1000), Runs::default(), Chain::default());
    let at = request(&mut runs, &budget);
    runs.append(&mut chain, at, 0, 0, 5);
    runs.copy_out(&budget);
    assert_eq!((runs.idle(), budget.charged()), (0, 100));
    runs.finish(at);
    assert_eq!(runs.idle(), 95);
    runs.drop_all(chain);
    assert_eq!((runs.idle(), budget.charged()), (0, 0));
}
