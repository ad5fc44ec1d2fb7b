//! The ages at decision as lines of a Prometheus histogram: the relay counts them itself, in the snapshot that the rest of
//! the page is made of.

use std::fmt::Write;

use crate::metrics::series::DECISION_AGE_SECONDS;
use crate::relay::ages::{Ages, BOUNDS_SECONDS};

/// The whole family, help and type included.
pub fn lines(ages: &Ages) -> String {
    let (name, help) = (DECISION_AGE_SECONDS.name, DECISION_AGE_SECONDS.help);
    let (up_to, all) = ages.cumulative();
    let mut page = format!("# HELP {name} {help}\n# TYPE {name} histogram\n");
    for (bound, count) in BOUNDS_SECONDS.iter().zip(up_to) {
        let _ = writeln!(page, "{name}_bucket{{le=\"{bound}\"}} {count}");
    }
    let _ = writeln!(page, "{name}_bucket{{le=\"+Inf\"}} {all}");
    let _ = writeln!(page, "{name}_sum {}\n{name}_count {all}", ages.sum().as_secs_f64());
    page
}
