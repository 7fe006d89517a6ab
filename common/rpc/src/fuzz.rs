//! The session's cores, and TLS before them, below arbitrary bytes. Plain functions, so that tests, a smoke run and a fuzzer share it.

use bytes::Bytes;
use protocol::message::{Header, Kind, MAX_MESSAGE, Status};
use protocol::procedure::StreamDirection;
use protocol::{admin, qemu, remote};

use crate::core::admission::{self, Standing, Verdict};
use crate::core::framer::Framer;
use crate::core::outbound::{Outgoing, SendQueue};
use crate::core::stream::{Flow, Reaction};
use crate::layer::{Codec, Sink};
use crate::service::known;
use crate::tls::{Handshake, Step, TlsSettings};

/// What came of the input; only there to be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that framing let through.
    pub messages: usize,
    /// Calls that would have run.
    pub calls: usize,
    /// Answers that would have been sent by the session itself.
    pub refusals: usize,
    /// Packets a stream took.
    pub packets: usize,
}

/// Plays `input` to the cores as one connection. The first byte chooses the standing of the client and the direction of
/// an open stream, the second the size of the reads. Must never panic, whatever the bytes are.
pub fn session(input: &[u8]) -> Tally {
    let [choice, step, rest @ ..] = input else { return Tally::default() };
    let standing = Standing { authenticated: choice & 1 == 0, readonly: choice & 2 != 0 };
    let direction = match choice >> 2 & 3 {
        0 => StreamDirection::Read,
        1 => StreamDirection::Write,
        _ => StreamDirection::Both,
    };
    let mut run =
        Run { tally: Tally::default(), standing, flow: Flow::new(direction), queue: SendQueue::new() };
    run.flow.allow_holes();
    run.flow.go_live();
    let mut framer = Framer::new(MAX_MESSAGE);
    for mut chunk in rest.chunks(usize::from(*step) + 1) {
        framer.received(chunk.len(), None);
        loop {
            match framer.next(&mut chunk) {
                Ok(Some(frame)) => run.message(&frame.message.header, frame.message.body),
                Ok(None) => break,
                Err(_) => return run.tally,
            }
        }
    }
    run.tally
}

/// How far a client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More of the handshake has to come.
    Handshake,
    /// It was refused.
    Failed,
    /// It is over.
    Established,
}

/// Plays `input` to the handshake of a TLS connection, and to its records if that comes to its end. The first byte
/// chooses the size of the reads. Must never panic, nor keep more than a handshake may have, whatever the bytes are.
pub fn handshake(settings: &TlsSettings, input: &[u8]) -> Progress {
    let [step, rest @ ..] = input else { return Progress::Handshake };
    let Ok(mut handshake) = Handshake::new(settings) else { return Progress::Failed };
    let mut chunks = rest.chunks(usize::from(*step) * 8 + 1);
    let mut established = loop {
        let Some(chunk) = chunks.next() else { return Progress::Handshake };
        match handshake.advance(&mut chunk.to_vec()) {
            Step::Blocked(next) => handshake = *next,
            Step::Finished(finished) => break finished.tls,
            Step::Failed(..) => return Progress::Failed,
        }
    };
    let mut buffer = vec![0; 1 << 16];
    for chunk in chunks {
        let mut plain = Sink::new(&mut buffer);
        if established.open(&mut chunk.to_vec(), &mut plain, &mut Vec::new()).is_err() {
            return Progress::Failed;
        }
    }
    Progress::Established
}

struct Run {
    tally: Tally,
    standing: Standing,
    flow: Flow,
    queue: SendQueue<()>,
}

impl Run {
    fn message(&mut self, header: &Header, body: Bytes) {
        self.tally.messages += 1;
        let programs = [(remote::PROGRAM, 1), (qemu::PROGRAM, 1), (admin::PROGRAM, 1)];
        let verdict = admission::judge(header, &body, self.standing, |p, v, n| known(p, v, n, &programs));
        match verdict {
            Verdict::Ignore => {}
            Verdict::Pong => {
                let _ = self.queue.push_control(Outgoing::new(header, Bytes::new(), None), 1 << 16).is_err();
            }
            Verdict::Stream { hole } => {
                if self.flow.on_packet(hole, header.status, body) == Reaction::None && !self.flow.is_full() {
                    self.tally.packets += 1;
                }
                let _ = self.flow.take().is_err();
            }
            Verdict::Refuse(fault) => {
                self.tally.refusals += 1;
                let reply = header.answer(Kind::Reply, Status::Error);
                self.queue.push(Outgoing::new(&reply, fault.to_vec().into(), None));
                self.queue.advance(7, |()| {});
            }
            Verdict::Authenticate(_) | Verdict::Call(_) => self.tally.calls += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::message::encode_raw;
    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};
    use std::sync::Arc;

    use super::*;

    fn word() -> impl Strategy<Value = u32> {
        prop_oneof![
            Just(0u32),
            Just(1),
            Just(2),
            3u32..8,
            Just(remote::PROGRAM),
            Just(1_801_807_216),
            0u32..460,
            any::<u32>()
        ]
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        let header = (word(), word(), word(), word(), word(), word());
        (header, proptest::collection::vec(any::<u8>(), 0..80)).prop_map(|((a, b, c, d, e, f), body)| {
            let (kind, status) = (Kind::from_word(d), Status::from_word(f.cast_signed()));
            let procedure = c.cast_signed();
            encode_raw(&Header { program: a, version: b, procedure, kind, serial: e, status }, &body)
        })
    }

    fn settings() -> TlsSettings {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
        let chain = vec![CertificateDer::from_pem_file(format!("{folder}/servercert.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(format!("{folder}/serverkey.pem")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(chain, key).unwrap());
        TlsSettings { config, judge: Arc::new(|_: &[CertificateDer<'static>]| Ok(None)) }
    }

    /// What a client of each version says first.
    fn hellos() -> Vec<Vec<u8>> {
        let hello = |version| {
            let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
            let config = config.with_protocol_versions(&[version]).unwrap();
            let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
            let name = ServerName::try_from("localhost").unwrap();
            let mut hello = Vec::new();
            let mut conn = ClientConnection::new(Arc::new(config), name).unwrap();
            conn.write_tls(&mut hello).unwrap();
            hello
        };
        rustls::ALL_VERSIONS.iter().map(|version| hello(*version)).collect()
    }

    #[test]
    fn mutated_hellos_are_refused_or_need_more() {
        let settings = settings();
        let mut numbers = 1u64;
        let mut number = |below: usize| {
            numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (numbers >> 33) as usize % below
        };
        let hellos = hellos();
        let mut seen = [0; 2];
        for round in 0..2000 {
            let mut input = vec![number(256) as u8];
            input.extend_from_slice(&hellos[round % hellos.len()]);
            for _ in 0..number(4) {
                let place = number(input.len());
                match number(4) {
                    0 => input[place] = number(256) as u8,
                    1 => input.truncate(place.max(2)),
                    2 => input.extend_from_within(place..),
                    _ => input[place] ^= 1 << number(8),
                }
            }
            match handshake(&settings, &input) {
                Progress::Handshake => seen[0] += 1,
                Progress::Failed => seen[1] += 1,
                Progress::Established => panic!("without a key: {input:?}"),
            }
        }
        assert!(seen.iter().all(|count| *count > 200), "{seen:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn smoke(choice: u8, step: u8, messages in proptest::collection::vec(message(), 0..40), noise: Vec<u8>) {
            let mut input = vec![choice, step];
            input.extend(messages.into_iter().flatten());
            input.extend(noise);
            session(&input);
        }
    }

    #[test]
    fn counts_what_it_plays() {
        let call = |procedure| Header {
            program: remote::PROGRAM,
            version: 1,
            procedure,
            kind: Kind::Call,
            serial: 0,
            status: Status::Ok,
        };
        let stream = Header { kind: Kind::Stream, status: Status::Continue, ..call(209) };
        let mut input = vec![4, 10];
        for header in [call(3), call(9999), stream, Header { kind: Kind::Other(9), ..call(3) }] {
            input.extend(encode_raw(&header, b"data"));
        }
        assert_eq!(session(&input), Tally { messages: 4, calls: 1, refusals: 1, packets: 1 });
    }
}
