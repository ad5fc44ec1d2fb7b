//! Each room's own options, made from the configuration: the only place that knows both.

use std::io;
use std::sync::Arc;

use crate::admin;
use crate::app::StartError;
use crate::config::Config;
use crate::config::log::{LogFormat, LogLevel};
use crate::config::sampling::{RatioMode, RatioSpec, SamplingConfig};
use crate::config::upstream::Compression;
use crate::driver::Driver;
use crate::exporter::endpoint::Endpoint;
use crate::exporter::tls::Tls;
use crate::exporter::{self, Header};
use crate::instruments::Instruments;
use crate::logs;
use crate::metrics::labels::{Labels, PolicyName};
use crate::receiver;
use crate::relay::sampling::policy::Rule;
use crate::relay::sampling::ratio::{Details, Mode, Ratio};
use crate::relay::{self, batch, buffer, queue, retry};

/// The secret of this process.
pub fn secret() -> Result<[u64; 2], StartError> {
    let random = || getrandom::u64().map_err(|error| io::Error::other(format!("no random numbers: {error}")));
    Ok([random()?, random()?])
}

/// The machine between the doors, with a clock.
pub fn driver(config: &Config, secret: [u64; 2], instruments: Instruments) -> Result<Arc<Driver>, StartError> {
    let small = || StartError::Setting("memory.budget: too small to make a single request of".to_owned());
    Driver::new(relay(config, secret)?, config.memory.budget, instruments).ok_or_else(small)
}

/// The machine itself.
fn relay(config: &Config, secret: [u64; 2]) -> Result<relay::Options, StartError> {
    let sampling = &config.sampling;
    let sampler = config.tail.as_ref().map(|tail| tail.sampler(sampling.compat)).transpose().map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(|problem| format!("tail_sampling.{problem}")).collect();
        StartError::Setting(texts.join("\n"))
    })?;
    Ok(relay::Options {
        ratio: ratio(sampling)?.filter(|ratio| !ratio.keeps_all()),
        sampler,
        remember_bytes: sampling.remember,
        request_spans_max: REQUEST_SPANS_MAX,
        buffer: buffer::Options {
            decision_wait: config.tail.as_ref().map(|tail| tail.decision_wait).unwrap_or_default(),
            grace: sampling.grace,
            traces_max: sampling.traces_max,
            trace_spans_max: sampling.trace_spans_max,
            trace_bytes_max: sampling.trace_size_max as u64,
        },
        batch: batch::Options {
            spans_max: config.batch.max_spans,
            size_max: config.batch.max_size,
            delay: config.batch.delay,
        },
        queue: queue::Options {
            size_max: config.queue.max_size,
            batches_max: config.queue.max_batches,
            age_max: config.upstream.max_age,
            delays: retry::Delays::default(),
        },
        secret,
    })
}

/// Spans of one request; more are a mistake or an attack.
const REQUEST_SPANS_MAX: u32 = 1 << 20;

/// The ratio stage, with everything that was said of it.
fn ratio(sampling: &SamplingConfig) -> Result<Option<Ratio>, StartError> {
    let Some(RatioSpec { mode: how, share, hash_seed, hash_salt }) = &sampling.ratio else { return Ok(None) };
    let details = Details { precision: sampling.precision.into(), hash_seed: *hash_seed, hash_salt: hash_salt.clone() };
    match Ratio::with(*share, mode(*how), &details) {
        Some(ratio) => Ok(Some(ratio)),
        None => Err(StartError::Setting("sampling.ratio: the share or sampling.precision is out of bounds".to_owned())),
    }
}

fn mode(mode: RatioMode) -> Mode {
    match mode {
        RatioMode::Consistent => Mode::Consistent,
        RatioMode::Equalizing => Mode::Equalizing,
        RatioMode::Proportional => Mode::Proportional,
        RatioMode::OtelFnv14 => Mode::OtelFnv14,
        RatioMode::OtelFnv64 => Mode::OtelFnv64,
        RatioMode::SdkTraceidratio => Mode::SdkTraceIdRatio,
    }
}

/// Where to listen for OTLP.
pub fn addresses(config: &Config) -> Vec<receiver::Address> {
    let address = |listen: &crate::config::receiver::Listen| receiver::Address {
        addr: listen.addr,
        configured: listen.configured,
    };
    config.receiver.listen.iter().map(address).collect()
}

/// The door in.
pub fn receiver(config: &Config, instance: String, seed: u64) -> receiver::Options {
    let door = &config.receiver;
    receiver::Options {
        listen: addresses(config),
        max_request_size: door.max_request_size,
        hold: door.hold,
        connections_max: door.connections_max,
        streams_max: door.streams_max,
        window: door.window,
        read_timeout: door.read_timeout,
        instance,
        seed,
    }
}

/// The door out.
pub fn exporter(config: &Config, hop: &str) -> Result<exporter::Options, StartError> {
    let upstream = &config.upstream;
    let header = |(name, value): &(String, String)| {
        Header::new(name, value).map_err(|error| StartError::Setting(format!("upstream.headers: {error}")))
    };
    Ok(exporter::Options {
        endpoint: Endpoint::parse(&upstream.endpoint)
            .map_err(|error| StartError::Setting(format!("upstream.endpoint: {error}")))?,
        compression: match upstream.compression {
            Compression::None => exporter::Compression::None,
            Compression::Gzip => exporter::Compression::Gzip,
        },
        timeout: upstream.timeout,
        headers: upstream.headers.iter().map(header).collect::<Result<_, _>>()?,
        tls: Tls {
            ca_file: upstream.tls.ca_file.clone(),
            cert_file: upstream.tls.cert_file.clone(),
            key_file: upstream.tls.key_file.clone(),
            server_name: upstream.tls.server_name.clone(),
        },
        concurrency: upstream.concurrency,
        hop: hop.to_owned(),
    })
}

/// Names for the metrics' labels.
pub fn labels(config: &Config) -> Labels {
    let policies = config.tail.iter().flat_map(|tail| &tail.policies);
    let name = |policy: &crate::config::tail_sampling::PolicySpec| PolicyName {
        name: policy.name.clone(),
        drops: matches!(policy.rule, Rule::Drop(_)),
    };
    let endpoint = &config.upstream.endpoint;
    let place = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, place)| place);
    Labels::new(place, policies.map(name).collect())
}

/// The operator's door.
pub fn admin(config: &Config) -> admin::Address {
    let configured = is_set(config, "admin.listen");
    admin::Address { key: "admin.listen", address: config.admin.listen, configured }
}

/// The control service's.
pub fn control(config: &Config) -> admin::Address {
    let configured = is_set(config, "control.listen");
    admin::Address { key: "control.listen", address: config.control.listen, configured }
}

fn is_set(config: &Config, key: &str) -> bool {
    config.effective.iter().any(|known| known.key == key && known.origin != "default")
}

/// What is said on standard error.
pub fn logs(config: &Config) -> logs::Options {
    let level = match config.log.level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let format = match config.log.format {
        LogFormat::Auto => logs::Format::Auto,
        LogFormat::Text => logs::Format::Text,
        LogFormat::Json => logs::Format::Json,
    };
    logs::Options { level, format }
}

#[cfg(test)]
mod tests;
