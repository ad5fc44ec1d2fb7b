//! The last words: the final books as one line in the log, and in the termination message that `kubectl describe pod`
//! shows.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::admin::ledger::Ledger;
use crate::drain::Ended;

/// Says the final books, in the log and in the termination message. `took` is the time since leaving began.
pub fn say(ledger: &Ledger, ended: Ended, took: Duration) {
    let (books, took_ms) = (ledger.json(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    match (ended, ledger.balanced) {
        (_, false) => tracing::error!(books, took_ms, "left with books that do not balance; this is a bug"),
        (Ended::Empty, true) => tracing::info!(books, took_ms, "left with nothing held"),
        (Ended::OutOfTime, true) => tracing::warn!(books, took_ms, "left out of time; what was held is dropped"),
        (Ended::Hurried, true) => tracing::warn!(books, took_ms, "left at once; what was held is dropped"),
    }
    if let Some(path) = termination_log(std::env::var_os(VARIABLE).map(PathBuf::from))
        && let Err(error) = write(&path, ledger)
    {
        tracing::warn!(path = %path.display(), %error, "cannot write the termination message");
    }
}

/// Names the termination message's file where it is not [`KUBERNETES`].
pub const VARIABLE: &str = "TAILWATER_TERMINATION_LOG";
/// Where Kubernetes mounts it, if it does.
pub const KUBERNETES: &str = "/dev/termination-log";
/// What Kubernetes keeps of it, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4096;

/// The file for the termination message, if there is one: a named one is made, Kubernetes' own only used.
fn termination_log(named: Option<PathBuf>) -> Option<PathBuf> {
    named.filter(|path| !path.as_os_str().is_empty()).or_else(|| {
        let kubernetes = Path::new(KUBERNETES);
        kubernetes.is_file().then(|| kubernetes.to_owned())
    })
}

fn write(path: &Path, ledger: &Ledger) -> io::Result<()> {
    let named = path != Path::new(KUBERNETES);
    let mut file = OpenOptions::new().write(true).truncate(true).create(named).open(path)?;
    file.write_all(ledger.clone().json_within(MESSAGE_BYTES_MAX).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Phase;
    use crate::metrics::tests::{busy, preset};

    #[test]
    fn the_termination_message_is_the_books_and_replaces_an_older_one() {
        let path = std::env::temp_dir().join(format!("tailwater-farewell-{}", std::process::id()));
        let ledger = Ledger::of(&busy(), Phase::Closed, &preset());
        std::fs::write(&path, "x".repeat(10_000)).unwrap();
        write(&path, &ledger).unwrap();
        let written = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(written, ledger.json());
    }

    #[test]
    fn a_named_file_is_used_and_without_one_only_what_kubernetes_mounted() {
        assert_eq!(termination_log(Some("/x/y".into())), Some(PathBuf::from("/x/y")));
        let mounted = Path::new(KUBERNETES).is_file().then(|| PathBuf::from(KUBERNETES));
        assert_eq!(termination_log(None), mounted);
        assert_eq!(termination_log(Some(PathBuf::new())), mounted);
    }
}
