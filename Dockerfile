# tsuji as an image: one static file, nobody's user, nothing else.
#
#   docker build -t tsuji .
#   docker run --rm -p 8080:8080 -p 10000-10003:10000-10003/udp -v tsuji:/data \
#     -e TSUJI_ADVERTISE=203.0.113.5 tsuji
#
# 203.0.113.5 stands for the address under which people reach this machine. Each of the four shards has a
# UDP port: with another TSUJI_SHARDS, publish as many. Each option is a variable
# (TSUJI_…), or a key in a file: -v ./tsuji.toml:/tsuji.toml:ro … tsuji --config /tsuji.toml
# `docker stop` waits for 10 s; with TSUJI_DRAIN give it more (--stop-timeout).

FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base
WORKDIR /src
COPY . .
ENV CARGO_PROFILE_DIST_DEBUG=none CARGO_PROFILE_DIST_STRIP=symbols
# On Alpine that is static (musl).
RUN cargo build --locked --profile dist -p tsuji-mio --bin tsuji \
 && ! readelf -d target/dist/tsuji | grep NEEDED \
 && install -d -o 65534 -g 65534 -m 700 /empty

FROM scratch
COPY --from=build /src/target/dist/tsuji /tsuji
COPY --from=build --chown=65534:65534 /empty /data
USER 65534:65534
WORKDIR /data
VOLUME /data
ENV TSUJI_LISTEN=0.0.0.0:8080 TSUJI_UDP=0.0.0.0:10000 TSUJI_SHARDS=4
EXPOSE 8080/tcp 10000-10003/udp
STOPSIGNAL SIGTERM
ENTRYPOINT ["/tsuji"]
