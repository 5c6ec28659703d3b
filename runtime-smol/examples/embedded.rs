//! An HTTP service on hyper that has a page of its own, and meetings at all other addresses.
//!
//! `cargo run -p tsuji-smol --example embedded`, then open what it prints.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::convert::Infallible;
use std::error::Error;
use std::net::{IpAddr, TcpListener, TcpStream};

use clap::Parser;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use smol::Async;
use smol_hyper::rt::FuturesIo;
use tsuji_smol::{Answer, Meetings, Options, Service};

type Stream = Async<TcpStream>;

const OWN_PAGE: &str = "<!doctype html><title>Our house</title><h1>Our house</h1>\
    <p><a href=/>Meet somebody</a>";

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let meetings = Meetings::start(&options)?;
    smol::block_on(async {
        let listener = Async::<TcpListener>::bind(options.listen)?;
        println!("open http://{}/house", listener.get_ref().local_addr()?);
        loop {
            let (stream, peer) = listener.accept().await?;
            let service = meetings.service();
            smol::spawn(connection(stream, peer.ip(), service)).detach();
        }
    })
}

/// Speaks HTTP with one client.
async fn connection(stream: Stream, peer: IpAddr, meetings: Service) {
    let handler = service_fn(|request| {
        let response = respond(request, peer, &meetings);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(FuturesIo::new(stream), handler)
        .with_upgrades();
    if let Err(error) = connection.await {
        eprintln!("a connection from {peer} broke: {error}");
    }
}

/// What this service has at an address, or what the meetings have there.
fn respond(
    mut request: Request<Incoming>,
    peer: IpAddr,
    meetings: &Service,
) -> Response<Full<Bytes>> {
    if request.uri().path() == "/house" {
        let mut response = Response::new(Full::from(OWN_PAGE));
        let html = hyper::header::HeaderValue::from_static("text/html; charset=utf-8");
        response
            .headers_mut()
            .insert(hyper::header::CONTENT_TYPE, html);
        return response;
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, _) = request.into_parts();
    match meetings.answer(&head) {
        Answer::Respond(response) => response.map(Full::from),
        Answer::Upgrade(response) => {
            let meetings = meetings.clone();
            let serve = async move {
                // hyper gives its stream back, with what it has read of the WebSocket already.
                if let Ok(upgraded) = upgrade.await
                    && let Ok(parts) = upgraded.downcast::<FuturesIo<Stream>>()
                {
                    let stream = parts.io.into_inner();
                    let early = parts.read_buf.into();
                    meetings.serve_websocket(stream, early, peer).await;
                }
            };
            smol::spawn(serve).detach();
            response.map(Full::from)
        }
    }
}
