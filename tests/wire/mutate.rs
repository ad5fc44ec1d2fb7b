//! Changes to requests: blind ones (bits, cuts, splices) and ones that know the wire format (records doubled, moved, renamed, nested, their
//! varints stretched), after which every length around them is right again, so that the change is met where it was made.

use crate::requests::Random;

/// A changed copy of `body`; `other` gives bytes to splice in.
pub fn mutate(random: &mut Random, body: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    for _ in 0..1 + random.below(3) {
        bytes = if random.chance(8) { blind(random, bytes, other) } else { informed(random, &bytes, other, 0) };
    }
    bytes
}

fn blind(random: &mut Random, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        return other.to_vec();
    }
    let at = random.below(bytes.len());
    match random.below(6) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x0b, 0x0c]),
        2 => bytes.truncate(at),
        3 => {
            let end = (at + 1 + random.below(16)).min(bytes.len());
            bytes.drain(at..end);
        }
        4 => {
            let end = (at + 1 + random.below(64)).min(bytes.len());
            let copy = bytes[at..end].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        _ => {
            let from = random.below(other.len() + 1);
            let end = (from + random.below(64)).min(other.len());
            bytes.splice(at..at, other[from..end].iter().copied());
        }
    }
    bytes
}

/// A field: its key, and its value without the length if it has one.
#[derive(Clone)]
struct Record {
    key: u64,
    value: Vec<u8>,
    /// How many useless bytes its key and its length have.
    stretch: (usize, usize),
}

fn informed(random: &mut Random, message: &[u8], other: &[u8], depth: usize) -> Vec<u8> {
    let Some(mut records) = parse(message) else {
        return blind(random, message.to_vec(), other);
    };
    if records.is_empty() {
        records.push(invented(random));
    }
    let at = random.below(records.len());
    // Spans are three messages down, values six: mostly go on, so that changes reach them.
    if records[at].key & 7 == 2 && !records[at].value.is_empty() && (depth < 3 || !random.chance(3)) {
        records[at].value = informed(random, &records[at].value, other, depth + 1);
    } else {
        change(random, &mut records, at);
    }
    write(&records)
}

fn change(random: &mut Random, records: &mut Vec<Record>, at: usize) {
    let to = random.below(records.len());
    match random.below(14) {
        0 => records.insert(to, records[at].clone()),
        1 => records.swap(at, to),
        2 => drop(records.remove(at)),
        3 => records[at].stretch.0 = 1 + random.below(10),
        4 => records[at].stretch.1 = 1 + random.below(10),
        5 => records.insert(to, invented(random)),
        6 => records[at].key = records[at].key & 7 | (random.below(20) as u64) << 3,
        7 => records[at].key = records[at].key & !7 | random.below(8) as u64,
        8 => records[at].value = Vec::new(),
        9 => records[at].value.push(*random.pick(&[0x80, 0xff, 0xc3, b'a', 0xed])),
        10 => {
            let len = random.below(20);
            records[at].value = random.bytes(len);
        }
        11 => records[at].key |= 1 << random.below(40),
        12 => records[at].value = deep(random),
        _ => records[at] = invented(random),
    }
}

/// A field that nobody sent: unknown or known, of any wire type; groups that end as they should, or not.
fn invented(random: &mut Random) -> Record {
    let number = *random.pick(&[1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 99, (1 << 29) - 1]);
    let wire = random.below(6) as u64;
    let len = random.below(12);
    let value = match wire {
        0 => vec![0x80; random.below(10)].into_iter().chain([random.below(4) as u8]).collect(),
        1 => random.bytes(8),
        2 => random.bytes(len),
        3 => {
            let levels = *random.pick(&[0, 1, 2, 95, 97, 98, 99, 100]);
            let end = if random.chance(4) { 0x9c } else { 0x0c };
            let mut value = [vec![0x0b; levels], vec![end; levels]].concat();
            put(&mut value, number << 3 | 4, 0);
            value
        }
        5 => random.bytes(4),
        _ => Vec::new(),
    };
    Record { key: number << 3 | wire, value, stretch: (0, 0) }
}

/// Values inside values, around the nesting limit.
fn deep(random: &mut Random) -> Vec<u8> {
    let mut value = Vec::new();
    let lists = random.chance(2);
    for _ in 0..28 + random.below(24) {
        if lists {
            value = write(&[field(2, value)]);
            value = write(&[field(6, write(&[field(1, value)]))]);
        } else {
            value = write(&[field(5, write(&[field(1, value)]))]);
        }
    }
    value
}

fn field(number: u64, value: Vec<u8>) -> Record {
    Record { key: number << 3 | 2, value, stretch: (0, 0) }
}

fn parse(mut rest: &[u8]) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    while !rest.is_empty() {
        let key = get(&mut rest)?;
        let len = match key & 7 {
            0 => rest.iter().position(|byte| *byte < 0x80)? + 1,
            1 => 8,
            2 => usize::try_from(get(&mut rest)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (value, tail) = rest.split_at_checked(len)?;
        records.push(Record { key, value: value.to_vec(), stretch: (0, 0) });
        rest = tail;
    }
    Some(records)
}

fn write(records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        put(&mut out, record.key, record.stretch.0);
        if record.key & 7 == 2 {
            put(&mut out, record.value.len() as u64, record.stretch.1);
        }
        out.extend_from_slice(&record.value);
    }
    out
}

fn get(rest: &mut &[u8]) -> Option<u64> {
    prost::encoding::decode_varint(rest).ok()
}

/// A varint with `stretch` useless bytes at its end.
fn put(out: &mut Vec<u8>, value: u64, stretch: usize) {
    prost::encoding::encode_varint(value, out);
    for _ in 0..stretch {
        *out.last_mut().expect("a varint has a byte") |= 0x80;
        out.push(0);
    }
}
