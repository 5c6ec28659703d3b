//! Answering those who watch over the server, on an address of their own.
#![expect(
    clippy::disallowed_types,
    reason = "whoever asks how the server is must get an answer also when a runtime hangs"
)]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::text::{CONTENT_TYPE, text};
use super::{Health, Watch};

/// Bytes of a request's head. 8 KiB: a program asks, with few fields.
const HEAD: usize = 8 * 1024;
/// How long one answer may take, with its request. 2 s: it is for a machine nearby.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections at the same time; one more waits. 8: Prometheus has one.
const CONNECTIONS: usize = 8;
/// How long it waits before it looks again whether one has ended, or whether the system has
/// descriptors again. 20 ms: less than anybody notices.
const PAUSE: Duration = Duration::from_millis(20);
/// How long it goes on at most after the server has ended.
const LOOK: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Answers from a thread of its own until nobody else holds `watch`. `listener` does not block.
pub(crate) fn serve(listener: TcpListener, watch: Arc<Watch>) -> io::Result<()> {
    let work = move || {
        let busy = Arc::<AtomicUsize>::default();
        let weak = Arc::downgrade(&watch);
        drop(watch);
        loop {
            match poll(&mut [PollFd::new(&listener, PollFlags::IN)], Some(&LOOK)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "waiting for questions about the server failed");
                    return;
                }
            }
            let Some(watch) = weak.upgrade() else {
                return;
            };
            if busy.load(Ordering::SeqCst) >= CONNECTIONS {
                thread::park_timeout(PAUSE);
                continue;
            }
            match listener.accept() {
                Ok((stream, _)) => answer_beside(stream, watch, &busy),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    tracing::debug!(%error, "nobody could ask how the server is");
                    thread::park_timeout(PAUSE);
                }
            }
        }
    };
    thread::Builder::new()
        .name("tsuji-metrics".to_owned())
        .spawn(work)
        .map(drop)
}

/// One who is slow does not keep the others waiting.
fn answer_beside(stream: TcpStream, watch: Arc<Watch>, busy: &Arc<AtomicUsize>) {
    busy.fetch_add(1, Ordering::SeqCst);
    let done = Done(Arc::clone(busy));
    let answer = move || {
        let _done = done;
        if let Err(error) = answer(stream, &watch) {
            tracing::debug!(%error, "a question about the server was not answered");
        }
    };
    let thread = thread::Builder::new().name("tsuji-metrics".to_owned());
    // Without a thread it is dropped, and its connection with it.
    let _ = thread.spawn(answer);
}

struct Done(Arc<AtomicUsize>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn answer(mut stream: TcpStream, watch: &Arc<Watch>) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    stream.set_nonblocking(false)?;
    let mut head = Vec::new();
    let response = loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes)? {
            0 => return Ok(()),
            length => head.extend_from_slice(&bytes[..length]),
        }
        if let Some(response) = respond(&head, watch) {
            break response;
        }
    };
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&response)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // What it sent besides would else make the system throw the answer away.
    let _ = stream.read(&mut [0; 1024]);
    Ok(())
}

/// `None` while the head is not all there.
fn respond(head: &[u8], watch: &Arc<Watch>) -> Option<Vec<u8>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    let whole = match request.parse(head) {
        Ok(status) => status.is_complete(),
        Err(_) => {
            return Some(response(
                "400 Bad Request",
                PLAIN,
                "This is not HTTP.\n",
                false,
            ));
        }
    };
    if !whole && head.len() <= HEAD {
        return None;
    }
    let head_only = request.method == Some("HEAD");
    let path = request.path.unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let (status, kind, body) = match (request.method, path) {
        _ if !whole => (
            "431 Request Header Fields Too Large",
            PLAIN,
            "Too long.\n".to_owned(),
        ),
        (Some("GET" | "HEAD"), "/metrics") => match text(watch) {
            Ok(text) => ("200 OK", CONTENT_TYPE, text),
            Err(_) => (
                "500 Internal Server Error",
                PLAIN,
                "There is no text.\n".to_owned(),
            ),
        },
        (Some("GET" | "HEAD"), "/healthz") => {
            let (status, text) = health(watch);
            (status, PLAIN, text)
        }
        (Some("GET" | "HEAD"), _) => (
            "404 Not Found",
            PLAIN,
            "There are /metrics and /healthz.\n".to_owned(),
        ),
        _ => (
            "405 Method Not Allowed",
            PLAIN,
            "This can only be read.\n".to_owned(),
        ),
    };
    Some(response(status, kind, &body, head_only))
}

fn health(watch: &Watch) -> (&'static str, String) {
    match watch.health() {
        Health::Ready => ("200 OK", "ok\n".to_owned()),
        Health::Draining => (UNAVAILABLE, "draining\n".to_owned()),
        Health::Stopping => (UNAVAILABLE, "stopping\n".to_owned()),
        Health::Hangs(side) => (UNAVAILABLE, format!("the {side} side hangs\n")),
    }
}

const UNAVAILABLE: &str = "503 Service Unavailable";
const PLAIN: &str = "text/plain; charset=utf-8";

fn response(status: &str, kind: &str, body: &str, head_only: bool) -> Vec<u8> {
    let length = body.len();
    let body = if head_only { "" } else { body };
    let allow = if status.starts_with("405") {
        "Allow: GET, HEAD\r\n"
    } else {
        ""
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{allow}\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
