package train_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/safeio"
	"kerasgo/train"
)

// TestDamagedCheckpoint: no change of a bit, and no missing end, goes unnoticed; with Double the one before is taken.
func TestDamagedCheckpoint(t *testing.T) {
	j := interrupted(t)
	path := filepath.Join(j.backup.Dir, "latest.ckpt")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := train.ReadCheckpoint(path, safeio.Limits{})
		var f *safeio.FormatError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), "latest.ckpt") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := 0; i < len(raw); i += 1 + len(raw)/300 {
		b := bytes.Clone(raw)
		b[i] ^= 1
		refused(fmt.Sprintf("a flipped bit of byte %d", i), b)
	}
	for _, n := range []int{0, 1, 39, 40, 41, len(raw) / 2, len(raw) - 1} {
		refused(fmt.Sprintf("%d bytes of it", n), raw[:n])
	}
	refused("a byte more", append(bytes.Clone(raw), 0))
	if _, err := j.fit(context.Background()); err == nil || !strings.Contains(err.Error(), "only its beginning") {
		t.Errorf("Fit with a damaged backup: %v", err)
	}
	if err := os.WriteFile(filepath.Join(j.backup.Dir, "previous.ckpt"), raw, 0o666); err != nil {
		t.Fatal(err)
	}
	j.backup.Double = true
	if c, err := j.backup.Latest(); err != nil || c.Epoch() != 1 || c.Step() != 1 {
		t.Errorf("the one before: %v", err)
	}
	if h, err := j.fit(context.Background()); err != nil || len(h.Epochs) < 2 {
		t.Errorf("the one before: %v", err)
	}
}

// FuzzCheckpoint reads any bytes as a checkpoint whose sum is right.
func FuzzCheckpoint(f *testing.F) {
	raw := backupOf(f)
	f.Add([]byte{})
	f.Add(raw[:len(raw)-40])
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, _ = train.ReadSealed(raw)
	})
}

// FuzzCheckpointMeta goes on from a checkpoint of this training whose description is any JSON.
func FuzzCheckpointMeta(f *testing.F) {
	raw := backupOf(f)
	meta, err := train.MetaOf(raw)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(meta, 0, []byte{1, 2, 3})
	f.Add([]byte(`{"format":"kerasgo training checkpoint","version":1,"epoch":9,"step":7,"begun":true,"weights":["a"],"history":["loss"],"epochs":[1]}`), 3, []byte{})
	f.Fuzz(func(t *testing.T, meta []byte, array int, bytes []byte) {
		c, err := train.WithMeta(raw, meta, array, bytes)
		if err != nil {
			return
		}
		m := network(t, train.NewAdam())
		if _, err := train.Fit(context.Background(), m, points(40), train.Options{Epochs: 3, Resume: c}); err != nil {
			return
		}
		if n := m.Training().Variables[0].Value.I64[0]; n < 0 {
			t.Errorf("%d steps", n)
		}
	})
}

// backupOf is a small checkpoint in the middle of an epoch, as a file.
func backupOf(f *testing.F) []byte {
	f.Helper()
	b := train.BackupAndRestore{Dir: filepath.Join(f.TempDir(), "b"), EverySteps: 1}
	c, err := b.Callback()
	if err != nil {
		f.Fatal(err)
	}
	die := train.Callback{BatchEnd: func(s *train.State) error {
		if s.Epoch == 1 && s.Step == 2 {
			return errPower
		}
		return nil
	}}
	if _, err := train.Fit(context.Background(), network(f, train.NewAdam()), points(40), train.Options{Epochs: 3, Callbacks: []train.Callback{c, die}}); !errors.Is(err, errPower) {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(b.Dir, "latest.ckpt"))
	if err != nil {
		f.Fatal(err)
	}
	return raw
}
