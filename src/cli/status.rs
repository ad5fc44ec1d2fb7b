//! `tailwater status`: asks a running relay over its control service, and says it for a person.

use std::fmt::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use tonic::transport::Endpoint;

use crate::admin::control::proto::control_client::ControlClient;
use crate::admin::control::proto::{
    Count, LedgerReply, LedgerRequest, Memory, Phase, Reach, StatusReply, StatusRequest,
};
use crate::cli::say;
use crate::logs::escaped;

/// What `status` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The relay's `control.listen`.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4321")]
    control: SocketAddr,
}

/// Prints the status; exits 1 if there is none.
pub fn main(arguments: &Arguments) -> ExitCode {
    let asked = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(status(arguments.control)).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match asked {
        Ok(page) => {
            say(&page);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tailwater: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Nobody answers there.
    #[error("nobody answers on {0}; is tailwater running, and is this its `control.listen`?")]
    Nobody(SocketAddr),
    /// Somebody answers, but not with a status.
    #[error("{address} gives no status: {reason}")]
    NoStatus {
        /// Who was asked.
        address: SocketAddr,
        /// What it said.
        reason: String,
    },
}

/// The status of the relay whose `control.listen` is `address`, as lines for a person. Takes at most a few seconds.
pub async fn status(address: SocketAddr) -> Result<String, StatusError> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .expect("a socket address is a valid authority")
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE);
    let channel = endpoint.connect().await.map_err(|_| StatusError::Nobody(address))?;
    let mut client = ControlClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let wrong = |status: tonic::Status| StatusError::NoStatus { address, reason: escaped(status.message()) };
    let status = client.status(StatusRequest {}).await.map_err(wrong)?.into_inner();
    let ledger = client.ledger(LedgerRequest {}).await.map_err(wrong)?.into_inner();
    Ok(render(&status, &ledger))
}

const PATIENCE: Duration = Duration::from_secs(3);
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// The answers as lines for a person.
fn render(status: &StatusReply, ledger: &LedgerReply) -> String {
    let mut out = String::new();
    let up = uptime(status.uptime_seconds);
    line(&mut out, &format!("tailwater {}, {}, up {up}", status.version, phase(status.phase())));
    line(&mut out, &format!("  apps      {}", or_none(&status.listen.join(", "))));
    line(&mut out, &format!("  sampling  {}", status.sampling));
    line(&mut out, &format!("  upstream  {} ({})", status.upstream, reach(status.upstream_reach())));
    if let Some(memory) = &status.memory {
        line(&mut out, &format!("  memory    {}", used(memory)));
    }
    if status.requests_waiting != 0 {
        line(&mut out, &format!("  waiting   {} requests wait for room", grouped(status.requests_waiting)));
    }
    out.push_str("\nspans\n");
    books(&mut out, ledger);
    out.push_str("\nheld\n");
    for queue in &status.queues {
        let room = match queue.capacity_bytes {
            0 => String::new(),
            capacity => format!(" of {}", size(capacity)),
        };
        row(&mut out, &queue.name, queue.spans, &format!("{}{room}", size(queue.bytes)));
    }
    let (open, remembered) = (grouped(status.traces_open), grouped(status.decisions_remembered));
    line(&mut out, &format!("  {open} traces wait for their decision, {remembered} decisions are remembered"));
    out
}

/// The books with their sum, so that a person can follow it.
fn books(out: &mut String, ledger: &LedgerReply) {
    let sum = |counts: &[Count]| counts.iter().map(|count| count.count).sum::<u64>();
    row(out, "received", ledger.received, "");
    row(out, "rejected", sum(&ledger.rejected), &parts(&ledger.rejected));
    row(out, "refused", sum(&ledger.refused), &parts(&ledger.refused));
    row(out, "accepted", ledger.accepted, "");
    row(out, "  exported", ledger.exported, "");
    row(out, "  sampled out", sum(&ledger.sampled_out), &parts(&ledger.sampled_out));
    row(out, "  dropped", sum(&ledger.dropped), &parts(&ledger.dropped));
    row(out, "  held", sum(&ledger.held), &parts(&ledger.held));
    if ledger.maybe_duplicated != 0 {
        row(out, "sent twice?", ledger.maybe_duplicated, "the first outcome is unknown");
    }
    let turned_away = sum(&ledger.requests_refused);
    if turned_away != 0 {
        let requests = parts(&ledger.requests_refused);
        line(out, &format!("  {} requests were turned away: {requests}", grouped(turned_away)));
    }
    line(
        out,
        match ledger.balanced {
            true => "  the books balance: accepted = exported + sampled out + dropped + held",
            false => "  THE BOOKS DO NOT BALANCE: this is a bug, please report it with this page",
        },
    );
}

fn line(out: &mut String, text: &str) {
    out.push_str(&escaped(text));
    out.push('\n');
}

fn row(out: &mut String, name: &str, count: u64, remark: &str) {
    let mut text = String::new();
    let _ = write!(text, "  {name:<14} {:>15}  {remark}", grouped(count));
    line(out, text.trim_end());
}

/// What a count is made of, without the noughts.
fn parts(counts: &[Count]) -> String {
    let some = counts.iter().filter(|count| count.count != 0);
    some.map(|count| format!("{} {}", count.name, grouped(count.count))).collect::<Vec<_>>().join(", ")
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Unspecified => "in a phase unknown to this program",
        Phase::Serving => "serving",
        Phase::LameDuck => "leaving: the door is still open for the app's last spans",
        Phase::Closing => "leaving: calls under way finish",
        Phase::Deciding => "leaving: traces are being decided",
        Phase::Flushing => "leaving: what is held is being sent",
        Phase::Closed => "closed",
    }
}

fn reach(reach: Reach) -> &'static str {
    match reach {
        Reach::Unspecified => "nothing sent yet",
        Reach::Up => "reachable",
        Reach::Down => "NOT reachable; trying again",
    }
}

fn used(memory: &Memory) -> String {
    format!("{} of {} in use, at most {} so far", size(memory.charged), size(memory.budget), size(memory.peak))
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "no address" } else { text }
}

/// A number in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place != 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes with one decimal and the unit of our configuration.
fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in units {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

fn uptime(seconds: f64) -> String {
    let seconds = seconds as u64;
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests;
