//! The scanner and prost on requests of every kind; `TAILWATER_DIFF_CASES` says on how many mutations.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use prost::Message;

use crate::mutate::mutate;
use crate::oracle::{Verdict, check};
use crate::requests::{Random, realistic, varied};

/// Checks one request, and prints it if that fails.
fn check_or_print(name: &str, body: &[u8]) -> Verdict {
    catch_unwind(AssertUnwindSafe(|| check(body))).unwrap_or_else(|panic| {
        let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!("we and prost disagree on {name}: {hex}");
        std::panic::resume_unwind(panic)
    })
}

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths = entries.filter(|path| path.extension().is_some_and(|extension| extension == "otlp"));
    let requests: Vec<_> = paths.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect();
    assert!(10 <= requests.len(), "only {} recorded requests in {folder}", requests.len());
    requests
}

#[test]
fn captured_requests_are_read_as_prost_reads_them() {
    for (name, body) in corpus() {
        assert_ne!(check_or_print(&name, &body), Verdict::Malformed, "{name}");
    }
}

#[test]
fn realistic_requests_are_read_as_prost_reads_them() {
    for seed in 0..20 {
        let body = realistic(&mut Random(seed), 40).encode_to_vec();
        assert!(matches!(check_or_print("a realistic request", &body), Verdict::Read { accepted: 40, .. }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn generated_requests_are_read_as_prost_reads_them(seed: u64) {
        let body = varied(&mut Random(seed)).encode_to_vec();
        prop_assert_ne!(check_or_print("a generated request", &body), Verdict::Malformed);
    }

    #[test]
    fn arbitrary_bytes_are_read_as_prost_reads_them(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        check_or_print("arbitrary bytes", &bytes);
        check_or_print("arbitrary bytes as a span", &crate::oracle::nest(1, &crate::oracle::nest(2, &crate::oracle::nest(2, &bytes))));
    }
}

/// Mutations must neither all be refused nor all be harmless, or they prove little.
#[test]
fn mutated_requests_are_read_as_prost_reads_them() {
    let cases: u64 = std::env::var("TAILWATER_DIFF_CASES").map_or(100_000, |cases| cases.parse().unwrap());
    let mut seeds: Vec<Vec<u8>> =
        (0..400).map(|seed| varied(&mut Random(seed)).encode_to_vec()).filter(|body| 150 < body.len()).collect();
    seeds.extend((0..8).map(|seed| realistic(&mut Random(seed), 3).encode_to_vec()));
    seeds.extend(corpus().into_iter().map(|(_, body)| body).filter(|body| body.len() < 8192));
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let counts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn({
                    let seeds = &seeds;
                    move || mutations(seeds, (worker..cases).step_by(threads as usize))
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .reduce(|a, b| std::array::from_fn(|i| a[i] + b[i]))
            .unwrap()
    });
    let [malformed, partly, wholly] = counts;
    println!("{cases} mutations: {malformed} requests refused, {partly} read in part, {wholly} wholly");
    assert!(cases < 1000 || counts.iter().all(|count| cases / 20 < *count), "{counts:?}");
}

fn mutations(seeds: &[Vec<u8>], cases: impl Iterator<Item = u64>) -> [u64; 3] {
    let mut counts = [0; 3];
    for case in cases {
        let mut random = Random(case.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let body = mutate(&mut random, &seeds[case as usize % seeds.len()], random_seed(case, seeds));
        counts[match check_or_print(&format!("mutation {case}"), &body) {
            Verdict::Malformed => 0,
            Verdict::Read { rejected, .. } if 0 < rejected.malformed => 1,
            Verdict::Read { .. } => 2,
        }] += 1;
    }
    counts
}

fn random_seed(case: u64, seeds: &[Vec<u8>]) -> &[u8] {
    &seeds[(case as usize / 7) % seeds.len()]
}
