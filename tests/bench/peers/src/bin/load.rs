//! An open-loop OTLP/gRPC load: `--rate` spans a second in requests of `--per-request`, evenly paced, over several
//! connections, whatever the answers do. Says on standard output `steady` and `end` when the measured window begins and ends
//! (the driver reads the CPU of the program under test at these moments), then `done` and the results as JSON.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use h2::client::{self, SendRequest};
use tailwater_peers::args::Args;
use tailwater_peers::grpc;
use tailwater_peers::pace::{Pace, quantile};
use tailwater_peers::template::{Content, Requests, SPAN_BYTES};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

struct Plan {
    to: SocketAddr,
    rate: f64,
    per_request: usize,
    connections: usize,
    warmup: Duration,
    steady: Duration,
    spans_max: u64,
    trace_spans: Vec<usize>,
    failed_share: f64,
    seed: u64,
    frame: usize,
    outstanding_max: u64,
    answer_wait: Duration,
}

impl Plan {
    fn read() -> Result<Plan, String> {
        let mut args = Args::from_env()?;
        let trace_spans = args.get("trace-spans", "10".to_owned())?;
        let plan = Plan {
            to: args.need("to")?,
            rate: args.need("rate")?,
            per_request: args.need("per-request")?,
            connections: args.get("connections", 4)?,
            warmup: Duration::from_secs_f64(args.get("warmup", 2.0)?),
            steady: Duration::from_secs_f64(args.get("steady", 6.0)?),
            // Ends early once this many are sent.
            spans_max: args.get("spans-max", u64::MAX)?,
            trace_spans: trace_spans
                .split(',')
                .filter_map(|part| part.parse().ok())
                .filter(|spans| *spans > 0)
                .collect(),
            failed_share: args.get("failed-share", 0.01)?,
            seed: args.get("seed", 1)?,
            // DATA frames of at most this size, as Go's and Python's exporters write them, whatever the peer would allow.
            frame: args.get("frame", 16_384)?,
            // Requests under way; above it a due request is skipped and counted, so that a stuck peer costs no memory here.
            outstanding_max: args.get("outstanding-max", 256)?,
            answer_wait: Duration::from_secs_f64(args.get("answer-wait", 10.0)?),
        };
        args.finish()?;
        let at_least_one = [plan.per_request, plan.connections, plan.frame, plan.trace_spans.len()];
        if at_least_one.contains(&0) || plan.rate <= 0.0 {
            return Err("rate, per-request, connections, frame and trace-spans must be above zero".to_owned());
        }
        Ok(plan)
    }
}

/// One request on its way from the pacer to a connection.
struct Due {
    body: Bytes,
    content: Content,
    released: Instant,
    in_window: bool,
}

#[derive(Default)]
struct Counts {
    offered: Content,
    acked: Content,
    acked_in_window: u64,
    offered_in_window: u64,
    skipped: u64,
    failed: BTreeMap<String, u64>,
    partial: u64,
    outstanding: u64,
    window_open: bool,
    ack_ns: Vec<u64>,
}

type Shared = Arc<Mutex<Counts>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let plan = Arc::new(Plan::read()?);
    let mut connections = Vec::new();
    for _ in 0..plan.connections {
        connections.push(connect(plan.to).await?);
    }
    let counts = Shared::default();
    let (give, mut take) = mpsc::unbounded_channel();
    let pacer = thread::spawn({
        let (plan, counts) = (plan.clone(), counts.clone());
        move || pace(&plan, &counts, &give)
    });
    let authority = plan.to.to_string();
    let mut next = 0;
    while let Some(due) = take.recv().await {
        let connection = connections[next % connections.len()].clone();
        next += 1;
        if admit(&mut lock(&counts), &due, plan.outstanding_max) {
            tokio::spawn(call(connection, authority.clone(), due, plan.frame, counts.clone()));
        }
    }
    let given_up = Instant::now() + plan.answer_wait;
    while lock(&counts).outstanding > 0 && Instant::now() < given_up {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let sent = pacer.join().map_err(|_| "the pacer panicked")?;
    println!("done {}", result(&plan, &mut lock(&counts), sent));
    Ok(())
}

/// What the pacer knows at its end.
struct Sent {
    traces: u64,
    lag_ns: Vec<u64>,
    window: Duration,
}

/// Releases requests at their due moments and announces the window. Runs on its own thread, whose sleep is exact to some
/// tens of microseconds where the runtime's timer rounds to milliseconds.
fn pace(plan: &Plan, counts: &Shared, give: &mpsc::UnboundedSender<Due>) -> Sent {
    let mut requests = Requests::new(plan.trace_spans.clone(), plan.failed_share, plan.seed);
    let mut pace = Pace::new(plan.rate, plan.per_request);
    let start = Instant::now();
    let (mut lag_ns, mut left, mut opened) = (Vec::new(), plan.spans_max, None);
    loop {
        let due = pace.next_due();
        if due >= plan.warmup + plan.steady || left == 0 {
            break;
        }
        thread::sleep(due.saturating_sub(start.elapsed()));
        if due >= plan.warmup && opened.is_none() {
            opened = Some(Instant::now());
            lock(counts).window_open = true;
            println!("steady");
        }
        if opened.is_some() {
            lag_ns.push((start.elapsed().saturating_sub(due)).as_nanos() as u64);
        }
        let spans = left.min(plan.per_request as u64);
        left -= spans;
        let mut body = Vec::new();
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let content = requests.append(spans as usize, now, &mut body);
        let due = Due {
            body: body.into(),
            content,
            released: Instant::now(),
            in_window: opened.is_some(),
        };
        if give.send(due).is_err() {
            break;
        }
    }
    if let Some(last) = (plan.warmup + plan.steady)
        .checked_sub(start.elapsed())
        .filter(|_| left > 0)
    {
        thread::sleep(last);
    }
    lock(counts).window_open = false;
    println!("end");
    lag_ns.sort_unstable();
    Sent {
        traces: requests.traces(),
        lag_ns,
        window: opened.map(|at| at.elapsed()).unwrap_or_default(),
    }
}

fn admit(counts: &mut Counts, due: &Due, outstanding_max: u64) -> bool {
    counts.offered.spans += due.content.spans;
    counts.offered.failed += due.content.failed;
    counts.offered_in_window += if due.in_window { due.content.spans } else { 0 };
    if counts.outstanding >= outstanding_max {
        counts.skipped += due.content.spans;
        return false;
    }
    counts.outstanding += 1;
    true
}

async fn connect(to: SocketAddr) -> Result<SendRequest<Bytes>, Box<dyn Error>> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = client::Builder::new().enable_push(false).handshake(stream).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// One request, from its release to the last byte of its answer.
async fn call(connection: SendRequest<Bytes>, authority: String, due: Due, frame: usize, counts: Shared) {
    let answer = exchange(connection, &authority, due.body, frame).await;
    let ack_ns = due.released.elapsed().as_nanos() as u64;
    let mut counts = lock(&counts);
    counts.outstanding -= 1;
    match answer {
        Ok((0, message_bytes)) => {
            counts.acked.spans += due.content.spans;
            counts.acked.failed += due.content.failed;
            counts.partial += u64::from(message_bytes > grpc::PREFIX);
            if counts.window_open {
                counts.acked_in_window += due.content.spans;
            }
            if due.in_window {
                counts.ack_ns.push(ack_ns);
            }
        }
        Ok((code, _)) => *counts.failed.entry(format!("grpc {code}")).or_default() += due.content.spans,
        Err(error) => *counts.failed.entry(error.to_string().replace('"', "'")).or_default() += due.content.spans,
    }
}

/// The status code of the answer and the bytes of its framed message.
async fn exchange(
    connection: SendRequest<Bytes>,
    authority: &str,
    mut body: Bytes,
    frame: usize,
) -> Result<(u16, usize), Box<dyn Error + Send + Sync>> {
    let (response, mut stream) = connection
        .ready()
        .await?
        .send_request(grpc::request(authority, None)?, false)?;
    while body.len() > frame {
        stream.send_data(body.split_to(frame), false)?;
    }
    stream.send_data(body, true)?;
    let response = response.await?;
    if let Some(code) = grpc::status(response.headers()) {
        return Ok((code, 0));
    }
    let (mut body, mut bytes) = (response.into_body(), 0);
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        bytes += chunk.len();
    }
    let trailers = body.trailers().await?.unwrap_or_default();
    Ok((grpc::status(&trailers).unwrap_or(2), bytes))
}

fn result(plan: &Plan, counts: &mut Counts, sent: Sent) -> String {
    counts.ack_ns.sort_unstable();
    let micros = |sorted: &[u64], share| quantile(sorted, share) / 1_000;
    let failed: Vec<String> = counts
        .failed
        .iter()
        .map(|(why, spans)| format!("\"{why}\":{spans}"))
        .collect();
    let failed_spans: u64 = counts.failed.values().sum();
    format!(
        "{{\"offered_spans\":{},\"offered_failed\":{},\"acked_spans\":{},\"acked_failed\":{},\"failed_spans\":{failed_spans},\
         \"failures\":{{{}}},\"skipped_spans\":{},\"unanswered_requests\":{},\"partial_answers\":{},\"traces\":{},\
         \"window_s\":{:.3},\"window_offered_spans\":{},\"window_acked_spans\":{},\"ack_p50_us\":{},\"ack_p99_us\":{},\
         \"ack_max_us\":{},\"lag_p99_us\":{},\"span_bytes\":{SPAN_BYTES},\"per_request\":{},\"rate\":{}}}",
        counts.offered.spans,
        counts.offered.failed,
        counts.acked.spans,
        counts.acked.failed,
        failed.join(","),
        counts.skipped,
        counts.outstanding,
        counts.partial,
        sent.traces,
        sent.window.as_secs_f64(),
        counts.offered_in_window,
        counts.acked_in_window,
        micros(&counts.ack_ns, 0.5),
        micros(&counts.ack_ns, 0.99),
        micros(&counts.ack_ns, 1.0),
        micros(&sent.lag_ns, 0.99),
        plan.per_request,
        plan.rate,
    )
}

fn lock(counts: &Shared) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
