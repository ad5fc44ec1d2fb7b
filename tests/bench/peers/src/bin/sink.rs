//! A collector that only counts: acknowledges every OTLP/gRPC export and tells its totals as JSON, to every connection on
//! `--admin` and once more on standard output when it is asked to end.

#![forbid(unsafe_code)]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use h2::{RecvStream, server};
use http::Request;
use tailwater_peers::args::Args;
use tailwater_peers::count::Totals;
use tailwater_peers::grpc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

type Shared = Arc<Mutex<Totals>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = Args::from_env()?;
    let listener = TcpListener::bind(args.need::<SocketAddr>("listen")?).await?;
    let admin = TcpListener::bind(args.need::<SocketAddr>("admin")?).await?;
    args.finish()?;
    let totals = Shared::default();
    let mut terminate = signal(SignalKind::terminate())?;
    println!("ready");
    loop {
        tokio::select! {
            accepted = listener.accept() => drop(tokio::spawn(serve(accepted?.0, totals.clone()))),
            accepted = admin.accept() => drop(tokio::spawn(tell(accepted?.0, totals.clone()))),
            _ = terminate.recv() => break,
        }
    }
    println!("{}", totals.lock().unwrap_or_else(PoisonError::into_inner).to_json());
    Ok(())
}

/// Answers one connection until the peer closes it. Errors are the peer's: they end this connection only.
async fn serve(stream: TcpStream, totals: Shared) -> Result<(), h2::Error> {
    let _ = stream.set_nodelay(true);
    let mut connection = server::Builder::new()
        .initial_window_size(grpc::WINDOW)
        .initial_connection_window_size(grpc::CONNECTION_WINDOW)
        .handshake(stream)
        .await?;
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        tokio::spawn(answer(request, respond, totals.clone()));
    }
    Ok(())
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: server::SendResponse<Bytes>,
    totals: Shared,
) -> Result<(), h2::Error> {
    let is_export = request.uri().path() == grpc::EXPORT;
    let body = read(request.into_body()).await?;
    let code = match grpc::message(&body) {
        _ if !is_export => 12,
        Ok(message) => match totals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(&message, body.len() - grpc::PREFIX)
        {
            Ok(()) => 0,
            Err(_) => 3,
        },
        Err(_) => 3,
    };
    let mut stream = respond.send_response(grpc::response_head(), false)?;
    if code == 0 {
        stream.send_data(Bytes::from_static(grpc::EMPTY), false)?;
    }
    stream.send_trailers(grpc::trailers(code))
}

async fn read(mut body: RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut whole = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}

/// The totals over HTTP/1, whatever was asked.
async fn tell(mut stream: TcpStream, totals: Shared) -> std::io::Result<()> {
    let json = totals.lock().unwrap_or_else(PoisonError::into_inner).to_json();
    let length = json.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let mut asked = [0; 1024];
    let _ = stream.read(&mut asked).await?;
    stream.write_all(format!("{head}{json}").as_bytes()).await?;
    stream.shutdown().await
}
