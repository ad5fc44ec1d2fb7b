//! The relay in real time, on tokio's paused clock.

use super::*;
use crate::relay::{batch, buffer, queue, retry};

fn driver(budget: usize) -> Arc<Driver> {
    let options = Options {
        ratio: None,
        sampler: None,
        remember_bytes: 1 << 10,
        request_spans_max: 1000,
        buffer: buffer::Options {
            decision_wait: Duration::from_secs(10),
            grace: Duration::from_millis(500),
            traces_max: 100,
            trace_spans_max: 100,
            trace_bytes_max: 1 << 20,
        },
        batch: batch::Options { spans_max: 512, size_max: 1 << 16, delay: Duration::from_millis(200) },
        queue: queue::Options {
            size_max: budget,
            batches_max: 10,
            age_max: Duration::from_secs(60),
            delays: retry::Delays::default(),
        },
        secret: [1, 2],
    };
    Driver::new(options, budget, Instruments::none()).expect("the budget has room")
}

const NOW: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn room_goes_to_whoever_came_first() {
    let driver = driver(1 << 20);
    let free = driver.budget().limit() - driver.budget().charged();
    let all = driver.room(free, NOW).await.expect("all of it is free");
    let (first, second) = (driver.room(free, LONG), driver.room(1, LONG));
    let (mut first, mut second) = (Box::pin(first), Box::pin(second));
    tokio::select! { biased; _ = &mut first => panic!("there is no room"), _ = &mut second => panic!("nor here"), () = std::future::ready(()) => {} }
    assert_eq!(driver.snapshot().waiting, 2);
    drop(all);
    assert!(driver.room(1, NOW).await.is_none(), "there is room, but not for who comes last");
    let first = first.await.expect("it was first");
    drop(first);
    assert!(second.await.is_some());
    assert_eq!(driver.snapshot().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_leaves_no_place_behind() {
    let driver = driver(1 << 20);
    let free = driver.budget().limit() - driver.budget().charged();
    let all = driver.room(free, NOW).await.expect("all of it is free");
    assert!(driver.room(1, Duration::from_secs(1)).await.is_none());
    assert_eq!(driver.snapshot().waiting, 0);
    drop(all);
    assert!(driver.room(free, NOW).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn phases_only_go_on_and_the_last_one_ends_the_waiting() {
    let driver = driver(1 << 20);
    driver.enter(Phase::Closing);
    driver.enter(Phase::LameDuck);
    assert_eq!(driver.phase(), Phase::Closing);
    let waiting = (driver.next_batch(), driver.next_batch(), driver.run());
    let close = async { driver.enter(Phase::Closed) };
    let ((one, two, ()), ()) = tokio::join!(async { tokio::join!(waiting.0, waiting.1, waiting.2) }, close);
    assert!(one.is_none() && two.is_none());
    driver.reached(Phase::Flushing).await;
}
