package admin

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os/user"
	"strconv"
	"sync"
	"time"
)

// Times and sizes that one connection may take.
const (
	maxConnections = 64
	maxHeader      = 16 << 10
	headerTime     = 5 * time.Second
	requestTime    = 15 * time.Second
	answerTime     = time.Minute
	idleTime       = 30 * time.Second
)

// Service serves a handler on a listener. Make it with NewService.
type Service struct {
	listener net.Listener
	http     *http.Server
}

// NewService makes a service that holds at most 64 connections at once, and none for long. The listener may speak TLS.
func NewService(l net.Listener, h http.Handler, counts *Counts) *Service {
	return &Service{&bounded{Listener: l, room: make(chan struct{}, maxConnections), counts: counts}, &http.Server{
		Handler: h, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime,
		WriteTimeout: answerTime, IdleTimeout: idleTime, ConnContext: withPeer,
		ErrorLog: log.New(io.Discard, "", 0), // what clients do wrong fills no log
		Protocols: func() *http.Protocols {
			p := new(http.Protocols)
			p.SetHTTP1(true)
			return p
		}(),
	}}
}

// Serve answers until ctx ends or Close.
func (s *Service) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.Close)
	defer stop()
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends the listener and all connections.
func (s *Service) Close() {
	s.http.Close()
	s.listener.Close()
}

// bounded is a listener that closes connections beyond its room at once.
type bounded struct {
	net.Listener
	room   chan struct{}
	counts *Counts
}

func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case b.room <- struct{}{}:
			return &placed{Conn: c, leave: sync.OnceFunc(func() { <-b.room })}, nil
		default:
			b.counts.Connections.Add(1)
			c.Close()
		}
	}
}

// placed is a connection that holds a place.
type placed struct {
	net.Conn
	leave func()
}

func (p *placed) Close() error {
	defer p.leave()
	return p.Conn.Close()
}

// withPeer notes whose process is at the other end of a local connection.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	p, ok := c.(*placed)
	if !ok {
		return ctx
	}
	u, ok := p.Conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	uid, ok := peerID(u)
	if !ok {
		return ctx
	}
	name := "uid " + strconv.Itoa(uid)
	if who, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		name = who.Username
	}
	return context.WithValue(ctx, peerKey{}, name)
}
