//! The most memory a configuration can take, term by term, and the budget that fits a limit.

use crate::config::problem::Problem;
use crate::config::size::Size;

/// The worst case of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The program itself: code, stacks, tables that do not grow with traffic.
    pub process: u64,
    /// Connections that may be open.
    pub connections: u64,
    /// What a sender may have sent on each before it is read.
    pub window: u64,
    /// Everything held: requests, open traces, decisions, batches.
    pub budget: u64,
}

impl Ceiling {
    /// The worst case with these.
    pub fn new(connections: usize, window: u32, budget: usize) -> Ceiling {
        Ceiling { process: PROCESS, connections: connections as u64, window: u64::from(window), budget: budget as u64 }
    }

    /// Bytes that connections may hold outside the budget.
    fn windows(&self) -> u64 {
        self.connections.saturating_mul(self.window)
    }

    /// What the allocator may take beside what is asked of it: a quarter.
    fn slack(&self) -> u64 {
        self.budget / 4
    }

    /// All of it, in bytes.
    pub fn total(&self) -> u64 {
        [self.process, self.windows(), self.budget, self.slack()].into_iter().fold(0, u64::saturating_add)
    }

    /// The sum, line by line.
    pub fn lines(&self) -> Vec<String> {
        let Ceiling { process, connections, window, budget } = *self;
        vec![
            format!("{:>10}  the program itself", Size(process).to_string()),
            format!(
                "{:>10}  receiver.connections_max ({connections}) x receiver.window ({})",
                Size(self.windows()).to_string(),
                Size(window)
            ),
            format!("{:>10}  memory.budget", Size(budget).to_string()),
            format!("{:>10}  what the allocator may lose beside it: a quarter", Size(self.slack()).to_string()),
            format!("{:>10}  in all", Size(self.total()).to_string()),
        ]
    }

    /// A problem if this cannot fit a limit.
    pub fn check(&self, limit: u64) -> Option<Problem> {
        if self.total() <= limit {
            return None;
        }
        let message =
            format!("at worst this takes {}, and the cgroup's memory limit is {}", Size(self.total()), Size(limit));
        let remedy = match auto_budget(limit, self.connections, self.window) {
            Some(budget) => {
                format!("`memory.budget: {}MiB` would fit, and `auto` finds the most that does", budget >> 20)
            }
            None => "raise the limit, or lower receiver.connections_max or receiver.window".into(),
        };
        let mut problem = Problem::nowhere(message).help(remedy);
        problem.help.splice(..0, self.lines());
        Some(problem)
    }
}

/// `memory.budget: auto` under a limit: (limit - 12 MiB - connections_max x window) / 1.25. None where that is too little
/// to work with.
pub fn auto_budget(limit: u64, connections: u64, window: u64) -> Option<u64> {
    let rest = limit.checked_sub(PROCESS)?.checked_sub(connections.checked_mul(window)?)?;
    // A fraction of a byte down, so that the sum with its quarter never exceeds the limit.
    let budget = rest / 5 * 4;
    (BUDGET_MIN <= budget).then_some(budget)
}

/// The program itself, with the places and rows that the relay keeps ready however little it holds: 12 MiB.
pub const PROCESS: u64 = 12 << 20;
/// `memory.budget: auto` where there is no limit: 64 MiB.
pub const BUDGET_UNLIMITED: u64 = 64 << 20;
/// Below this a budget cannot hold one batch and the traces it is made of: 6 MiB.
pub const BUDGET_MIN: u64 = 6 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_64_mib_the_default_budget_is_what_is_left_divided_by_five_quarters() {
        let budget = auto_budget(64 << 20, 32, 256 << 10).unwrap();
        assert_eq!(budget, ((64 - 12 - 8) << 20) / 5 * 4);
        assert_eq!(Size(budget).to_string(), "35.2MiB");
    }

    #[test]
    fn an_automatic_budget_always_fits_the_limit_it_was_made_for() {
        for limit in (20u64 << 20..300 << 20).step_by(999_983) {
            let Some(budget) = auto_budget(limit, 32, 256 << 10) else { continue };
            let ceiling = Ceiling::new(32, 256 << 10, budget as usize);
            assert!(ceiling.total() <= limit && limit - ceiling.total() < 16, "{limit}");
            assert_eq!(ceiling.check(limit), None);
        }
    }

    #[test]
    fn a_limit_too_small_for_anything_has_no_automatic_budget() {
        assert_eq!(auto_budget(20 << 20, 32, 256 << 10), None);
        assert_eq!(auto_budget(0, u64::MAX, u64::MAX), None);
    }

    #[test]
    fn what_cannot_fit_is_refused_with_the_arithmetic() {
        let problem = Ceiling::new(32, 256 << 10, 64 << 20).check(64 << 20).unwrap();
        assert_eq!(problem.message, "at worst this takes 100MiB, and the cgroup's memory limit is 64MiB");
        let expected = [
            "     12MiB  the program itself",
            "      8MiB  receiver.connections_max (32) x receiver.window (256KiB)",
            "     64MiB  memory.budget",
            "     16MiB  what the allocator may lose beside it: a quarter",
            "    100MiB  in all",
            "`memory.budget: 35MiB` would fit, and `auto` finds the most that does",
        ];
        assert_eq!(problem.help, expected);
    }
}
