// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// afterName is the file with what the console said while a dump was brought that failed: bytes, no evidence of the trial.
const afterName = "dump-console.bin"

// afterwards is the console of a trial whose capture has ended.
func (m *machine) afterwards(ctx context.Context) (l *line, done func(), err error) {
	select {
	case <-m.line.ended:
	default:
		return m.line, func() {}, nil
	}
	con, err := m.s.Console(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("console: %w", err)
	}
	l = newLine(con, m.s.Baud)
	l.begin()
	return l, func() { _ = l.close() }, nil // nothing of it is evidence but what has a sum of its own
}

// overheard brings a dump by f. If that fails, the error tells the console's last line since, and dir keeps all of it.
func overheard(l *line, dir string, f func() error) error {
	from := l.log.Len()
	err := f()
	said := l.log.Bytes(from, l.log.Len())
	switch {
	case err == nil:
		return nil
	case len(said) == 0:
		return fmt.Errorf("%w; the console was silent meanwhile", err)
	}
	err = fmt.Errorf("%w; the console's last line is %q, the rest is in %s", err, lastLine(said), afterName)
	return errors.Join(err, os.WriteFile(filepath.Join(dir, afterName), said, 0o644))
}
