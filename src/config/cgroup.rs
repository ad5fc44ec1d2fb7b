//! How much memory this process may have: the least limit of its cgroup and of those above it, version 2 or 1.

use std::fs;
use std::path::{Path, PathBuf};

/// The memory limit that holds here, in bytes; none where there is no limit, or nothing says so.
pub fn memory_limit() -> Option<u64> {
    memory_limit_under(Path::new("/"))
}

/// The same, with `/proc` and `/sys` looked for below `root`.
fn memory_limit_under(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        if controllers.is_empty() {
            limits.extend(least(&root.join("sys/fs/cgroup"), path, "memory.max"));
        } else if controllers.split(',').any(|name| name == "memory") {
            limits.extend(least(&root.join("sys/fs/cgroup/memory"), path, "memory.limit_in_bytes"));
        }
    }
    limits.into_iter().min()
}

/// The least limit between a group and the top. The path may be one of the host's that is not to be seen here; then what
/// is mounted at the top is our own group.
fn least(mount: &Path, path: &str, file: &str) -> Option<u64> {
    let group: PathBuf = mount.join(path.trim_start_matches('/'));
    group
        .ancestors()
        .take_while(|directory| directory.starts_with(mount))
        .filter_map(|directory| fs::read_to_string(directory.join(file)).ok())
        .filter_map(|text| text.trim().parse::<u64>().ok())
        .filter(|limit| *limit < UNLIMITED)
        .min()
}

/// Version 1 writes "no limit" as a number near 2^63.
const UNLIMITED: u64 = 1 << 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], limit: Option<u64>) {
        let name = format!("tailwater-cgroup-{}-{}", std::process::id(), std::panic::Location::caller().line());
        let root = std::env::temp_dir().join(name);
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let seen = memory_limit_under(&root);
        let _ = fs::remove_dir_all(&root);
        assert_eq!(seen, limit);
    }

    #[test]
    fn the_least_limit_from_our_group_to_the_top_holds() {
        check(
            &[
                ("proc/self/cgroup", "0::/pod/container\n"),
                ("sys/fs/cgroup/pod/container/memory.max", "max\n"),
                ("sys/fs/cgroup/pod/memory.max", "67108864\n"),
            ],
            Some(67_108_864),
        );
    }

    #[test]
    fn in_a_container_our_group_is_the_top() {
        check(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "1000000\n")], Some(1_000_000));
    }

    #[test]
    fn version_one_is_read_and_its_huge_number_is_no_limit() {
        let group = ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n");
        check(&[group, ("sys/fs/cgroup/memory/memory.limit_in_bytes", "5000000\n")], Some(5_000_000));
        check(&[group, ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")], None);
    }

    #[test]
    fn where_nothing_is_said_there_is_no_limit() {
        check(&[], None);
    }
}
