//! `tailwater demo`: the relay, an embedded collector behind it, and requests recorded from real SDKs replayed through its
//! front door, all in one process; what was kept and let go as it happens, and the books at the end.

mod books;
mod client;
mod corpus;
mod live;
mod patch;
mod ports;

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, MissedTickBehavior};
use tonic::transport::{Channel, Endpoint};

use crate::admin::{self, Address};
use crate::app::{self, App, StartError};
use crate::cli::demo::corpus::{RECORDINGS, renewed};
use crate::cli::demo::live::Live;
use crate::cli::demo::ports::Place;
use crate::cli::say;
use crate::config::{Config, Inputs};
use crate::logs;
use crate::port;
use crate::sink::Sink;

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Replay for so long; without it, until Ctrl-C.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: Option<u64>,
}

/// A day: who wants more wants a relay.
const SECONDS_MAX: u64 = 86_400;

/// Runs the demo; exits 1 if at the end the books do not balance or anything is held, 78 if the ports are taken.
pub fn main(arguments: &Arguments) -> ExitCode {
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::from)
        .and_then(|runtime| runtime.block_on(demo(arguments.seconds.map(Duration::from_secs))));
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tailwater: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Whether the books were right at the end.
async fn demo(length: Option<Duration>) -> Result<bool, StartError> {
    let (sink, collector) = Sink::with_room(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SINK_BYTES).await?;
    let places = ports::places([4317, 4318, 4319]).ok_or_else(no_port)?;
    let config = config(&places, collector)?;
    let operator = Address { key: "admin.listen", address: config.admin.listen, configured: true };
    // Somebody else may have set up logging in this process; then it is theirs.
    let _ = logs::init(app::log_options(&config));
    let sampling = config.sampling_choice();
    let app = App::open(config).await?;
    let door = admin::bind(operator, port::PATIENCE).await?.ok_or_else(no_port)?;
    let house = app.house();
    house.open.say();
    say(&greeting(&places, collector, &sampling, length));
    let (driver, traffic, front) = (app.driver(), app.traffic(), app.addresses());
    let client = Endpoint::from_shared(format!("http://{}", front[0]))
        .expect("a socket address is a valid authority")
        .timeout(ANSWER_MAX)
        .connect_lazy();
    let show = async {
        let mut live = Live::new(&driver, &sink);
        let refused = replay(client, length, &mut live).await;
        say("\nno more requests; the relay decides and delivers what it holds\n\n");
        tokio::select! {
            _ = app::leave(driver.clone(), traffic, GRACE) => {}
            // Asked a second time: the books as they stand.
            _ = tokio::signal::ctrl_c() => {}
        }
        live.show();
        say(&books::page(&driver.snapshot(), sink.totals().spans, refused));
        books::right(&driver.snapshot())
    };
    let serve = async {
        app.serve().await;
        std::future::pending().await
    };
    Ok(tokio::select! {
        right = show => right,
        () = serve => false,
        () = admin::http::serve(door, house) => false,
    })
}

/// What the embedded collector remembers: enough for a second of the demo many times over.
const SINK_BYTES: usize = 4 << 20;
/// How long leaving may take.
const GRACE: Duration = Duration::from_secs(5);
/// How long the app of the demo waits for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

fn no_port() -> StartError {
    StartError::Setting("no port is free".to_owned())
}

/// The preset's policies, impatient. The last place is the operator's.
fn config(places: &[Place], collector: SocketAddr) -> Result<Config, StartError> {
    let [apps @ .., operator] = places else { return Err(no_port()) };
    let listen: Vec<String> = addresses(apps).map(|address| format!("\"{address}\"")).collect();
    let text = format!(
        "receiver: {{listen: [{}]}}\nadmin: {{listen: \"{}\"}}\ntail_sampling: {{decision_wait: 2s}}\n\
         upstream: {{endpoint: \"http://{collector}\"}}\nlog: {{level: warn}}\n",
        listen.join(", "),
        operator.addresses[0],
    );
    let inputs = Inputs { file: Some(("demo".to_owned(), text)), ..Inputs::default() };
    Config::load(&inputs).map_err(|rejected| StartError::Setting(rejected.to_string()))
}

fn addresses(places: &[Place]) -> impl Iterator<Item = SocketAddr> {
    places.iter().flat_map(|place| place.addresses.iter().copied())
}

fn greeting(places: &[Place], collector: SocketAddr, sampling: &str, length: Option<Duration>) -> String {
    let mut out = format!("tailwater {}: a demonstration\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("writing to a String cannot fail");
    for place in places.iter().filter(|place| place.wanted != place.port) {
        line(format_args!("  port {} is taken; {} takes its place", place.wanted, place.port));
    }
    if let [apps @ .., operator] = places {
        let listen: Vec<String> = addresses(apps).map(|address| address.to_string()).collect();
        line(format_args!("  relay      {} (gRPC and HTTP; your app may send here too)", listen.join(", ")));
        line(format_args!("  operator   http://{}/metrics and /ledger", operator.addresses[0]));
    }
    line(format_args!("  collector  {collector} (embedded)"));
    line(format_args!("  sampling   {sampling}"));
    line(format_args!("  replaying  requests recorded from Python, Node and Go SDKs, with fresh ids and times"));
    match length {
        Some(length) => line(format_args!("  length     {} s\n", length.as_secs())),
        None => line(format_args!("  length     until Ctrl-C\n")),
    }
    out
}

/// Sends one recording after the other until time is up or somebody has had enough; says how many requests got no OK.
async fn replay(client: Channel, length: Option<Duration>, live: &mut Live<'_>) -> u64 {
    let end = length.map(|length| Instant::now() + length);
    let over = async {
        match end {
            Some(end) => tokio::time::sleep_until(end).await,
            None => std::future::pending().await,
        }
    };
    let (mut sends, mut shows) = (tokio::time::interval(SEND_EVERY), tokio::time::interval(SHOW_EVERY));
    sends.set_missed_tick_behavior(MissedTickBehavior::Delay);
    shows.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut recordings, mut refused) = (RECORDINGS.iter().cycle(), 0);
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return refused,
            _ = tokio::signal::ctrl_c() => return refused,
            _ = shows.tick() => live.show(),
            _ = sends.tick() => {
                let Some(recording) = recordings.next() else { return refused };
                refused += send(&client, recording).await;
            }
        }
    }
}

const SEND_EVERY: Duration = Duration::from_millis(250);
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// Sends a recording made new; says how many of its requests got no OK.
async fn send(client: &Channel, recording: corpus::Recording) -> u64 {
    let (Ok(high), Ok(low), Ok(span)) = (getrandom::u64(), getrandom::u64(), getrandom::u64()) else {
        return recording.len() as u64;
    };
    let trace = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX);
    let mut refused = 0;
    for request in renewed(recording, now, trace, span.to_be_bytes()) {
        if let Err(status) = client::export(client.clone(), request).await {
            say(&format!("  refused      {}\n", logs::escaped(status.message())));
            refused += 1;
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(wanted: u16, port: u16) -> Place {
        Place { wanted, port, addresses: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))] }
    }

    #[test]
    fn a_port_that_took_anothers_place_is_said_and_nothing_of_the_others() {
        let places = [place(4317, 4400), place(4318, 4318), place(4319, 4401)];
        let seen = greeting(&places, SocketAddr::from((Ipv4Addr::LOCALHOST, 4500)), "preset", None);
        assert!(seen.contains("  port 4317 is taken; 4400 takes its place\n"), "{seen}");
        assert!(seen.contains("  port 4319 is taken; 4401 takes its place\n"), "{seen}");
        assert!(!seen.contains("4318 is taken"), "{seen}");
        assert!(seen.contains("  relay      127.0.0.1:4400, 127.0.0.1:4318 (gRPC"), "{seen}");
        assert!(seen.contains("  operator   http://127.0.0.1:4401/metrics"), "{seen}");
    }
}
