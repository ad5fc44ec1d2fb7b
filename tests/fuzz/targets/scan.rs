//! Any bytes: the scanner says of them what prost says, and what is composed of them decodes to what was in them. The oracle and the
//! mutations that know the wire format are those of the wire tests.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use prost::Message;

use crate::requests::{Random, varied};

#[path = "../../wire/mutate.rs"]
mod mutate;
#[path = "../../wire/oracle.rs"]
#[allow(dead_code)]
mod oracle;
#[path = "../../wire/requests.rs"]
#[allow(dead_code)]
mod requests;

fuzz_target!(|body: &[u8]| {
    oracle::check(body);
});

// Half of the mutations are the fuzzer's own; the others keep the lengths right, so that they reach the depths of a request.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random(u64::from(seed));
    if random.chance(2) {
        return fuzzer_mutate(data, size, max_size);
    }
    let other = varied(&mut random).encode_to_vec();
    let mut changed = if size < 2 { other } else { mutate::mutate(&mut random, &data[..size], &other) };
    changed.truncate(max_size);
    data[..changed.len()].copy_from_slice(&changed);
    changed.len()
});
