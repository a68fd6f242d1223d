package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/train"
)

// backup is what --resume goes on from; its zero value is none.
type backup struct {
	train.BackupAndRestore
	from  *train.Checkpoint // nil: from the beginning
	begun bool              // what is there is of a run that was killed before its first backup
}

// begunName is a file in the backup's folder while training goes on.
const begunName = "begun"

// openBackup finds the backup beside the output, and what to go on from.
func (f *options) openBackup(o *cli.IO) (b backup, err error) {
	if f.backup == "never" {
		if f.resume {
			return b, cli.Usagef("--resume needs what --backup never doesn't save")
		}
		return b, nil
	}
	beside := f.output
	if beside == "" {
		beside = f.checkpoint
	}
	b.BackupAndRestore = train.BackupAndRestore{Dir: beside + ".backup", Keep: true} // until all that training gives is written
	if f.backup != "epoch" {
		if b.EverySteps, err = strconv.Atoi(f.backup); err != nil || b.EverySteps < 1 {
			return b, cli.Usagef("--backup is epoch, a number of steps, or never, not %q", f.backup)
		}
	}
	if !f.resume {
		if _, err := os.Stat(filepath.Join(b.Dir, "latest.ckpt")); err == nil && !f.force {
			return b, cli.Usagef("%s holds a training that isn't complete: --resume goes on with it, -f starts anew", b.Dir)
		}
		return b, nil
	}
	b.from, err = b.Latest()
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(o.Err, "%s holds nothing to go on from: training starts at the beginning\n", b.Dir)
		_, err = os.Stat(filepath.Join(b.Dir, begunName))
		b.begun, err = err == nil, nil
	}
	return b, err
}

// begin adds the backup to the options of training, whose model and data are known now.
func (b *backup) begin(f *options, m nn.Model, fit *train.Options) error {
	if b.Dir == "" {
		return nil
	}
	if b.from == nil {
		if err := b.Remove(); err != nil {
			return err
		}
	}
	// Before any output is there, so that --resume knows whose it is even where no backup was made.
	if err := os.MkdirAll(b.Dir, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.Dir, begunName), nil, 0o666); err != nil {
		return err
	}
	b.Of = map[string]string{"what --preprocess says": f.preprocess, "what --features, --resize, --resize-engine and --color say": f.sets.String()}
	var err error
	if b.Of["the data"], err = digestOf(f.data); err != nil {
		return err
	}
	if b.Of["the validation data"], err = digestOf(f.val); err != nil {
		return err
	}
	if b.Of["the model's first state"], err = digestModel(m); err != nil {
		return err
	}
	c, err := b.Callback()
	if err != nil {
		return err
	}
	fit.Callbacks, fit.Resume = append(fit.Callbacks, c), b.from
	return nil
}

// end removes the backup, and what a process that was killed left of the outputs.
func (b *backup) end(outputs ...string) error {
	if b.Dir == "" {
		return nil
	}
	for _, path := range outputs {
		if path == "" || b.from == nil {
			continue
		}
		files, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, file := range files {
			if n := file.Name(); strings.HasPrefix(n, "."+filepath.Base(path)+".") && strings.HasSuffix(n, ".tmp") {
				if err := os.Remove(filepath.Join(filepath.Dir(path), n)); err != nil {
					return err
				}
			}
		}
	}
	return b.Remove()
}

// Remove deletes the backup, and that training was begun.
func (b *backup) Remove() error {
	if err := os.Remove(filepath.Join(b.Dir, begunName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return b.BackupAndRestore.Remove()
}

// mismatch says of a checkpoint of another training that the command line is at fault.
func mismatch(err error) error {
	var m *train.MismatchError
	if errors.As(err, &m) {
		return &cli.Error{Code: cli.Usage, Err: err}
	}
	return err
}

// interrupted is the error after SIGINT.
func (b *backup) interrupted(epochs int, fs *pflag.FlagSet, model string) error {
	how := ""
	if b.Dir != "" {
		how = "; go on with: " + command(fs, model)
	}
	return &cli.Error{Code: cli.Interrupted, Err: fmt.Errorf("interrupted after %d epochs; what was learnt is saved%s", epochs, how)}
}

// command is the line that goes on: the same flags, and --resume.
func command(fs *pflag.FlagSet, model string) string {
	words := []string{"ktrain", shellQuote(model)}
	fs.Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if s, ok := f.Value.(pflag.SliceValue); ok {
			values = s.GetSlice()
		}
		for _, v := range values {
			switch {
			case f.Name == "resume" || f.Name == "force":
			case f.Value.Type() == "bool":
				words = append(words, "--"+f.Name+"="+v)
			default:
				words = append(words, "--"+f.Name, shellQuote(v))
			}
		}
	})
	return strings.Join(append(words, "--resume"), " ")
}

// shellQuote is s as a word of a shell.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./=:,+@%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// digestModel tells models apart by their weights and what their optimizers keep.
func digestModel(m nn.Model) (string, error) {
	sum := sha256.New()
	for w := range nn.Weights(m) {
		if err := digestTensor(sum, w.Path, w.Data); err != nil {
			return "", err
		}
	}
	if t := m.Training(); t != nil {
		for _, v := range t.Variables {
			if err := digestTensor(sum, v.Name, v.Value); err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// digestTensor takes elements in a few bytes of memory, whatever the tensor's size.
func digestTensor(sum hash.Hash, name string, t *nn.Tensor) error {
	if t == nil {
		return nil
	}
	fmt.Fprintf(sum, "%q %v %q\n", name, t.Spec, t.Str)
	return errors.Join(digestNumbers(sum, t.F32), digestNumbers(sum, t.F64), digestNumbers(sum, t.I32), digestNumbers(sum, t.I64))
}

func digestNumbers[T int32 | int64 | float32 | float64](sum hash.Hash, v []T) error {
	for part := range slices.Chunk(v, 1<<14) {
		if err := binary.Write(sum, binary.LittleEndian, part); err != nil {
			return err
		}
	}
	return nil
}

// whole is the size up to which all of a file is read for its digest; of a larger one samples are.
const whole = 256 << 20

// digestOf tells data apart: a file by its content, a folder by the names and sizes of what is in it. "" has none. A path that
// isn't there may be a pattern, as for data.Open.
func digestOf(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	sum := sha256.New()
	info, err := os.Stat(path)
	if err != nil {
		shards, bad := filepath.Glob(path)
		if bad != nil || len(shards) == 0 {
			return "", err
		}
		err = nil
		for _, s := range shards {
			if err = digestFile(sum, s); err != nil {
				break
			}
		}
		return hex.EncodeToString(sum.Sum(nil)[:8]), err
	}
	if info.IsDir() {
		err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(path, name)
			fmt.Fprintf(sum, "%q %d\n", filepath.ToSlash(rel), info.Size())
			return err
		})
	} else {
		err = digestFile(sum, path)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}

func digestFile(sum hash.Hash, path string) error {
	f, size, err := safeio.OpenRegular(path, safeio.Limits{})
	if err != nil {
		return err
	}
	defer f.Close()
	if err := binary.Write(sum, binary.LittleEndian, size); err != nil {
		return err
	}
	if size <= whole {
		_, err := io.Copy(sum, io.NewSectionReader(f, 0, size))
		return err
	}
	const samples, length = 256, 1 << 20
	for i := range int64(samples) {
		at := (size - length) / (samples - 1) * i
		if _, err := io.Copy(sum, io.NewSectionReader(f, at, length)); err != nil {
			return err
		}
	}
	return nil
}

// outputs are the files that training writes.
func (f *options) outputs() []string {
	return slices.DeleteFunc([]string{f.output, f.history, f.log, f.plot, f.checkpoint}, func(p string) bool { return p == "" })
}
