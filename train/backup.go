package train

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kerasgo/internal/safeio"
)

// BackupAndRestore are the arguments of Keras's callback of that name: training that died goes on where its last backup was,
// when Fit is called again with the same model, data and options. Unlike Keras's, the backup holds all that training is
// made of (see [Checkpoint]), within an epoch, too: the result has the same bits as if nothing had happened, and the
// History is the whole one. A backup of another model, other data or other options is refused with a *[MismatchError].
//
// It is also saved when Fit ends because its context did. Where it stands in the list of callbacks doesn't matter.
//
// Source: keras/src/callbacks/backup_and_restore.py
type BackupAndRestore struct {
	// Dir is a folder for the backup alone; it is made, and removed once training is complete.
	Dir string
	// EverySteps is save_freq: 0 saves after each epoch ("epoch"), n after each n steps.
	EverySteps int
	// Double keeps the backup before the last one, too, which is taken where the last can't be read (double_checkpoint).
	Double bool
	// Keep leaves the backup when training is complete (delete_checkpoint=False).
	Keep bool
	// Of tells what else training depends on, such as a digest of the data, by what it is called in errors. A backup of which
	// one differs is refused.
	Of map[string]string
	// Limits bounds what is read.
	Limits safeio.Limits

	written writer // nil: safeio.WriteFile
}

// writer is safeio.WriteFile, or a disk that fails.
type writer func(path string, force bool, write func(io.Writer) error) error

// Names of the files in a backup's folder.
const (
	latestBackup   = "latest.ckpt"
	previousBackup = "previous.ckpt"
)

// Callback saves and restores.
func (b BackupAndRestore) Callback() (Callback, error) {
	switch {
	case b.Dir == "":
		return Callback{}, errors.New("a BackupAndRestore needs a folder")
	case b.EverySteps < 0:
		return Callback{}, fmt.Errorf("a BackupAndRestore saves after each epoch (0) or so many steps, not %d", b.EverySteps)
	}
	return Callback{backup: &backup{BackupAndRestore: b}}, nil
}

// Latest reads the backup that training would go on from. If there is none, the error is fs.ErrNotExist.
func (b BackupAndRestore) Latest() (*Checkpoint, error) {
	c, err := ReadCheckpoint(filepath.Join(b.Dir, latestBackup), b.Limits)
	if err != nil && b.Double {
		if before, e := ReadCheckpoint(filepath.Join(b.Dir, previousBackup), b.Limits); e == nil {
			return before, nil
		}
	}
	return c, err
}

// Remove deletes the backup, and its folder if nothing else is in it.
func (b BackupAndRestore) Remove() error {
	files, err := os.ReadDir(b.Dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, f := range files {
		// What a process that was killed was writing is a backup's, too.
		name := f.Name()
		if name == latestBackup || name == previousBackup || strings.HasPrefix(name, "."+latestBackup+".") && strings.HasSuffix(name, ".tmp") {
			if err := os.Remove(filepath.Join(b.Dir, name)); err != nil {
				return err
			}
		}
	}
	_ = os.Remove(b.Dir) // it may hold what isn't ours
	return nil
}

// backup is a BackupAndRestore at work.
type backup struct {
	BackupAndRestore
	since int // steps since the last one
}

// save writes a backup of training at a position.
func (b *backup) save(f *fit, epoch, step int, begun bool) error {
	b.since = 0
	c, err := f.take(epoch, step, begun, b.Of)
	if err != nil {
		return err
	}
	c.written = b.written
	if err := os.MkdirAll(b.Dir, 0o777); err != nil {
		return err
	}
	latest := filepath.Join(b.Dir, latestBackup)
	if b.Double {
		if err := os.Rename(latest, filepath.Join(b.Dir, previousBackup)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return c.WriteFile(latest)
}

func (b *backup) batchEnd(f *fit) error {
	if b.since++; b.EverySteps == 0 || b.since < b.EverySteps {
		return nil
	}
	return b.save(f, f.state.Epoch, f.state.Step, true)
}

func (b *backup) epochEnd(f *fit) error {
	if b.EverySteps > 0 {
		return nil
	}
	return b.save(f, f.state.Epoch+1, 0, false)
}

func (b *backup) trainEnd() error {
	if b.Keep {
		return nil
	}
	return b.Remove()
}

// backups calls do for each BackupAndRestore.
func (f *fit) backups(do func(*backup) error) error {
	for i := range f.o.Callbacks {
		if b := f.o.Callbacks[i].backup; b != nil {
			if err := do(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// resume is the checkpoint that training goes on from, restored; nil: there is none.
func (f *fit) resume() (*Checkpoint, error) {
	if c := f.o.Resume; c != nil {
		var of map[string]string
		_ = f.backups(func(b *backup) error { of = b.Of; return nil })
		return c, f.goOn(c, of)
	}
	var found *Checkpoint
	err := f.backups(func(b *backup) error {
		if found != nil {
			return nil
		}
		c, err := b.Latest()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		found = c
		return f.goOn(c, b.Of)
	})
	return found, err
}

func (f *fit) goOn(c *Checkpoint, of map[string]string) error {
	if err := f.check(c, of); err != nil {
		return err
	}
	return f.restore(c)
}
