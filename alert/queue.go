package alert

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	maxWaiting  = 1000 // messages for one receiver
	firstRetry  = time.Second
	lastRetry   = time.Minute
	giveUpAfter = 24 * time.Hour
	sendTimeout = 15 * time.Second
)

// waiting is a message that its receiver does not have yet, and the key under which it is kept.
type waiting struct {
	key string
	Message
}

// queue is what waits for one receiver. Safe for concurrent use.
type queue struct {
	receiver Receiver
	wake     chan struct{}

	mu   sync.Mutex // guards list
	list []waiting
}

// add puts a message at the end and returns those that had to go for it.
func (q *queue) add(w waiting) (dropped []waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, w)
	if n := len(q.list) - maxWaiting; n > 0 {
		dropped, q.list = q.list[:n:n], q.list[n:]
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return dropped
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list)
}

// head returns the oldest message.
func (q *queue) head() (waiting, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return waiting{}, false
	}
	return q.list[0], true
}

// done takes a message out, unless others have pushed it out already.
func (q *queue) done(w waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) > 0 && q.list[0].key == w.key {
		q.list = q.list[1:]
	}
}

// drain sends what waits, the oldest first, until ctx ends.
func (a *Alerts) drain(ctx context.Context, q *queue) {
	pause := firstRetry
	for ctx.Err() == nil {
		w, ok := q.head()
		if !ok {
			wait(ctx, q.wake, time.Hour)
			continue
		}
		err := a.send(ctx, &q.receiver, &w.Message)
		if ctx.Err() != nil {
			return // it may have arrived; it is kept and sent again
		}
		a.o.Failing(q.receiver.Name, err)
		if err != nil && a.o.Now().Sub(w.Time) < giveUpAfter {
			a.o.Log.Warn("an alert cannot be sent; it is tried again", zap.String("receiver", q.receiver.Name), zap.Duration("in", pause), zap.Error(err))
			wait(ctx, nil, pause)
			pause = min(2*pause, lastRetry)
			continue
		}
		if err != nil {
			a.o.Log.Error("an alert is given up", zap.String("receiver", q.receiver.Name), zap.String("title", w.Title), zap.Error(err))
		}
		pause = firstRetry
		q.done(w)
		if err := a.o.Keep(map[string]any{w.key: nil}); err != nil {
			a.o.Log.Error("an alert that was sent may be sent again", zap.Error(err))
		}
	}
}

// wait waits for a signal, some time, or the end.
func wait(ctx context.Context, signal <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-signal:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// unwatched is how long after the last Observe pings go on.
const unwatched = 30 * time.Second

// ping fetches the URL of a watcher elsewhere for as long as somebody observes.
func (a *Alerts) ping(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		a.mu.Lock()
		well := a.o.Now().Sub(a.observed) < unwatched
		a.mu.Unlock()
		if well {
			err := a.fetch(ctx, a.o.PingURL)
			if err != nil && !failing && ctx.Err() == nil {
				a.o.Log.Warn("the watcher elsewhere cannot be reached", zap.Error(err))
			}
			failing = err != nil
		}
		wait(ctx, nil, a.o.PingEvery)
	}
}
