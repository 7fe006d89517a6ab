//! Mutated recordings through the functions that fuzzing runs: a fixed seed, so that a failure repeats.

use protocol::reflect::harness;

use crate::support;

const GOLDEN: &str = include_str!("../data/golden.jsonl");
const INPUTS: usize = 40_000;

/// Words that lengths, markers and cases stumble over.
const WORDS: [u32; 12] = [0, 1, 2, 3, 7, 8, 0x7f, 0xff, 0x0040_0000, 0x0040_0001, 0x7fff_ffff, 0xffff_ffff];

#[test]
fn mutated_messages_do_no_harm() {
    let messages = recorded();
    let mut dice = Dice(0x6c69_6276_6972_7421);
    for _ in 0..INPUTS {
        let mut bytes = messages[dice.below(messages.len())].clone();
        for _ in 0..=dice.below(4) {
            mutate(&mut bytes, &messages, &mut dice);
        }
        harness::frame(&bytes);
    }
}

#[test]
fn mutated_payloads_do_no_harm() {
    let messages = recorded();
    let mut dice = Dice(0x7669_7274_7165_6d75);
    let programs = protocol::reflect::PROGRAMS;
    for _ in 0..INPUTS {
        let message = &messages[dice.below(messages.len())];
        // Half of them go to the procedure they were meant for.
        let own = usize::from(message[14]) << 8 | usize::from(message[15]);
        let number = if dice.below(2) == 0 { dice.below(460) } else { own };
        let mut bytes = message[28..].to_vec();
        for _ in 0..=dice.below(3) {
            mutate(&mut bytes, &messages, &mut dice);
        }
        let (program, _) = programs[dice.below(programs.len())];
        let number = u16::try_from(number).unwrap_or(1).to_be_bytes();
        harness::payload(program, &[&number, &bytes[..]].concat());
    }
}

#[test]
fn short_inputs_do_no_harm() {
    for message in recorded() {
        for len in 0..message.len().min(200) {
            harness::frame(&message[..len]);
        }
    }
}

fn recorded() -> Vec<Vec<u8>> {
    let hex = |line: &str| {
        let golden: serde_json::Value = serde_json::from_str(line).expect("JSON");
        support::unhex(golden["hex"].as_str().expect("text"))
    };
    GOLDEN.lines().map(hex).collect()
}

fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], dice: &mut Dice) {
    let len = bytes.len();
    match dice.below(6) {
        0 => bytes.truncate(dice.below(len + 1)),
        1 if len > 0 => bytes[dice.below(len)] ^= 1 << dice.below(8),
        2 | 3 if len >= 4 => {
            let place = dice.below(len / 4) * 4;
            let word = WORDS[dice.below(WORDS.len())];
            bytes[place..place + 4].copy_from_slice(&word.to_be_bytes());
        }
        4 => {
            let other = &others[dice.below(others.len())];
            let place = dice.below(len / 4 + 1) * 4;
            bytes.splice(place.min(len).., other[dice.below(other.len())..].iter().copied());
        }
        _ => {
            let fill = u8::try_from(dice.below(256)).unwrap_or(0);
            bytes.extend(std::iter::repeat_n(fill, dice.below(64)));
        }
    }
    // Mostly keep the length word true, or little beyond it would be looked at.
    if bytes.len() >= 28 && dice.below(8) != 0 {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        bytes[..4].copy_from_slice(&len.to_be_bytes());
    }
}

/// xorshift64*: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        number as usize % bound
    }
}
