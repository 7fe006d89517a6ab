//! As much of HTTP/1 (RFC 9112) as a scrape needs: one request per connection, bounded in size, time and number.

use prometheus_client::registry::Registry;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Requests that are served at once; others wait in the socket's queue.
const AT_ONCE: usize = 4;
/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 8 * 1024;
/// How long a client may take for its request, and again to take its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// The text form that is served; Prometheus knows it since version 2.5.
const TEXT_FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A socket that readers connect to.
pub(super) enum Listener {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener),
}

/// Answers readers for ever.
pub(super) async fn serve(listener: Listener, registry: Arc<Registry>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let accepted = match &listener {
            Listener::Unix(listener) => {
                listener.accept().await.map(|(stream, _)| Box::new(stream) as Box<dyn Stream>)
            }
            Listener::Tcp(listener) => {
                listener.accept().await.map(|(stream, _)| Box::new(stream) as Box<dyn Stream>)
            }
        };
        match accepted {
            Ok(stream) => {
                let registry = Arc::clone(&registry);
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, registry).await {
                        tracing::debug!("a reader of metrics was not answered: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("cannot take on a reader of metrics: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn answer(mut stream: impl Stream, registry: Arc<Registry>) -> io::Result<()> {
    let head = timeout(PATIENCE, head(&mut stream)).await??;
    let (status, kind, body) = match judge(&head) {
        Ok(with_body) => {
            // Guests are looked at one by one, which is no work for the runtime's threads.
            let made = tokio::task::spawn_blocking(move || text(&registry)).await;
            let text = made.map_err(io::Error::other)?.map_err(io::Error::other)?;
            return send(&mut stream, ("200 OK", TEXT_FORM), &text, with_body).await;
        }
        Err(status) => (status, "text/plain; charset=utf-8", format!("{status}\n")),
    };
    send(&mut stream, (status, kind), &body, true).await
}

fn text(registry: &Registry) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry)?;
    Ok(text)
}

/// Reads up to the empty line; what follows it is of no interest.
async fn head(stream: &mut impl Stream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let mut chunk = [0; 1024];
        let count = stream.read(&mut chunk).await?;
        head.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let ends = head.windows(4).any(|window| window == b"\r\n\r\n");
        if count == 0 || ends || head.len() >= MAX_HEAD {
            head.truncate(MAX_HEAD);
            return Ok(head);
        }
    }
}

/// Whether the answer has a body, or the status of the refusal.
fn judge(head: &[u8]) -> Result<bool, &'static str> {
    const BAD: &str = "400 Bad Request";
    if !head.windows(4).any(|window| window == b"\r\n\r\n") {
        return Err(if head.len() >= MAX_HEAD { "431 Request Header Fields Too Large" } else { BAD });
    }
    let line = head.split(|byte| *byte == b'\r').next().and_then(|line| std::str::from_utf8(line).ok());
    let words: Vec<&str> = line.unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else { return Err(BAD) };
    if !version.starts_with("HTTP/1.") {
        return Err(BAD);
    }
    let path = target.split('?').next().unwrap_or_default();
    match (method, path) {
        ("GET", "/metrics") => Ok(true),
        ("HEAD", "/metrics") => Ok(false),
        ("GET" | "HEAD", _) => Err("404 Not Found"),
        _ => Err("405 Method Not Allowed"),
    }
}

async fn send(
    stream: &mut impl Stream,
    (status, kind): (&str, &str),
    body: &str,
    with_body: bool,
) -> io::Result<()> {
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}Connection: close\r\n\r\n",
        body.len()
    );
    if with_body {
        answer.push_str(body);
    }
    timeout(PATIENCE, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    })
    .await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_judged_by_their_first_line() {
        for (head, expected) in [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Ok(true)),
            ("GET /metrics?x=y HTTP/1.0\r\n\r\n", Ok(true)),
            ("HEAD /metrics HTTP/1.1\r\n\r\n", Ok(false)),
            ("GET / HTTP/1.1\r\n\r\n", Err("404 Not Found")),
            ("POST /metrics HTTP/1.1\r\n\r\n", Err("405 Method Not Allowed")),
            ("GET /metrics HTTP/2\r\n\r\n", Err("400 Bad Request")),
            ("GET /metrics\r\n\r\n", Err("400 Bad Request")),
            ("GET  /metrics HTTP/1.1\r\n\r\n", Err("400 Bad Request")),
            ("\r\n\r\n", Err("400 Bad Request")),
            ("GET /metrics HTTP/1.1\r\n", Err("400 Bad Request")),
        ] {
            assert_eq!(judge(head.as_bytes()), expected, "{head:?}");
        }
        assert_eq!(judge(&[b'a'; MAX_HEAD]), Err("431 Request Header Fields Too Large"));
        assert_eq!(judge(b"\xff\xfe /metrics HTTP/1.1\r\n\r\n"), Err("400 Bad Request"));
    }

    async fn exchange(request: &[u8]) -> io::Result<String> {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let serving = tokio::spawn(answer(server, Arc::new(Registry::default())));
        client.write_all(request).await?;
        let mut text = String::new();
        client.read_to_string(&mut text).await?;
        serving.await.unwrap()?;
        Ok(text)
    }

    #[tokio::test]
    async fn an_answer_closes_the_connection() {
        let text = exchange(b"GET /metrics HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("\r\nConnection: close\r\n") && text.ends_with("\r\n\r\n# EOF\n"), "{text}");
        let text = exchange(&[b'x'; 3 * MAX_HEAD]).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_given_up() {
        let (mut client, server) = tokio::io::duplex(64);
        let serving = tokio::spawn(answer(server, Arc::new(Registry::default())));
        client.write_all(b"GET /met").await.unwrap();
        assert!(serving.await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_take_the_answer_is_given_up() {
        // Room for the request, and for less than an answer.
        let (mut client, server) = tokio::io::duplex(32);
        let serving = tokio::spawn(answer(server, Arc::new(Registry::default())));
        client.write_all(b"HEAD /metrics HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(serving.await.unwrap().is_err());
    }
}
