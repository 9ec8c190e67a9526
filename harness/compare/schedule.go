// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"context"
	"sync"

	"lastpage/harness"
)

// job is one piece of work on a subject: a cell of a matrix, a course of a run.
type job[T any] struct {
	s    *harness.Subject
	what T
}

// schedule deals out jobs. A worker stays with a subject while it has jobs, and two workers are on two subjects while there are as many:
// what the trials of a subject share, its snapshots above all, is made once, and nobody waits for another's boot.
//
// An alternating one deals the other way: subjects take turns, in the order a b b a, so that what drifts bears on all of them alike.
type schedule[T any] struct {
	mu     sync.Mutex
	turns  bool
	dealt  int
	queues []*queue[T]
	on     map[int]*queue[T] // worker -> where it is
}

// queue is what is left of one subject.
type queue[T any] struct {
	s       *harness.Subject
	todo    []T
	workers int // that are on it
	busy    int // jobs that are being done
}

func newSchedule[T any]() *schedule[T] { return &schedule[T]{on: map[int]*queue[T]{}} }

// add puts a job after the others of its subject.
func (d *schedule[T]) add(s *harness.Subject, what T) {
	for _, q := range d.queues {
		if q.s.Strategy == s.Strategy {
			q.todo = append(q.todo, what)
			return
		}
	}
	d.queues = append(d.queues, &queue[T]{s: s, todo: []T{what}})
}

// next is the next job of a worker; ok is false when there are none left.
func (d *schedule[T]) next(worker int) (j job[T], ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.on[worker]
	if q == nil || len(q.todo) == 0 || d.turns {
		if q != nil {
			q.workers--
		}
		delete(d.on, worker)
		if q = d.pick(); d.turns {
			q = d.turn()
		}
		if q == nil {
			return j, false
		}
		q.workers++
		d.on[worker] = q
	}
	what := q.todo[0]
	q.todo = q.todo[1:]
	q.busy++
	return job[T]{q.s, what}, true
}

// pick is the first subject that nobody is on, otherwise the one with the most left; nil if nothing is left.
func (d *schedule[T]) pick() *queue[T] {
	var best *queue[T]
	for _, q := range d.queues {
		if len(q.todo) == 0 {
			continue
		}
		if q.workers == 0 {
			return q
		}
		if best == nil || len(q.todo) > len(best.todo) {
			best = q
		}
	}
	return best
}

// turn is the subject with the most left; of equals the first and the last in turn.
func (d *schedule[T]) turn() *queue[T] {
	var best []*queue[T]
	for _, q := range d.queues {
		switch {
		case len(q.todo) == 0 || best != nil && len(q.todo) < len(best[0].todo):
		case best != nil && len(q.todo) == len(best[0].todo):
			best = append(best, q)
		default:
			best = []*queue[T]{q}
		}
	}
	if best == nil {
		return nil
	}
	d.dealt++
	if d.dealt%4 == 1 || d.dealt%4 == 0 {
		return best[0]
	}
	return best[len(best)-1]
}

// done says that a job is done, and tells whether it was the last of its subject.
func (d *schedule[T]) done(j job[T]) (last bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, q := range d.queues {
		if q.s.Strategy != j.s.Strategy {
			continue
		}
		q.busy--
		return q.busy == 0 && len(q.todo) == 0
	}
	return false
}

// work does all jobs, some at the same time, and ends with the first error. What the trials of a subject share is freed after its last job,
// if rest says so.
func (d *schedule[T]) work(ctx context.Context, workers int, rest bool, do func(context.Context, job[T]) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for w := range max(1, workers) {
		wg.Go(func() {
			for ctx.Err() == nil {
				j, ok := d.next(w)
				if !ok {
					return
				}
				if err := do(ctx, j); err != nil {
					cancel(err) // the others end by it
					return
				}
				if d.done(j) && rest {
					j.s.Bench.Rest()
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
