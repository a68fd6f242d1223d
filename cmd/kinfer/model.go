package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/imaging"
	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// modelFlags are what every subcommand takes to open a model.
type modelFlags struct {
	weights   string
	ignore    []string
	lambdas   layers.LambdaFlag
	maxSize   string
	maxPixels int64 // of images; 0: the default
}

func (f *modelFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.weights, "weights", "", "`FILE` with the weights of an architecture .json")
	fs.StringArrayVar(&f.ignore, "ignore-key", nil, "let an unknown config key pass: `CLASS.KEY`")
	fs.Var(&f.lambdas, "lambda", "what a Lambda layer or a lost activation computes: `NAME=FUNCTION`, such as lambda_1=divide(255)")
	fs.StringVar(&f.maxSize, "max-size", "", "let one file or tensor take `SIZE`, such as 8GB (default: by the file's own size)")
}

func (f *modelFlags) open(path string) (nn.Model, error) {
	limits, err := f.limits()
	if err != nil {
		return nil, err
	}
	return keras.LoadOptions(path, keras.Options{Weights: f.weights, IgnoreKeys: f.ignore, Lambdas: f.lambdas, Limits: limits})
}

// limits are the defaults but for what flags say.
func (f *modelFlags) limits() (l safeio.Limits, err error) {
	l.MaxPixels = f.maxPixels
	if f.maxSize == "" {
		return l, nil
	}
	n, err := parseSize(f.maxSize)
	if err != nil {
		return l, err
	}
	l.MaxFile, l.MaxTensorBytes, l.MaxTotalBytes = n, n, n
	return l, nil
}

// parseSize reads 8GB, 500M, 1.5GiB or a number of bytes; units are powers of 1024.
func parseSize(s string) (int64, error) {
	digits := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(s), "B"), "I")
	unit := 1.
	if n := len(digits); n > 0 {
		if at := strings.IndexByte("KMGT", digits[n-1]); at >= 0 {
			unit, digits = float64(int64(1)<<(10*(at+1))), digits[:n-1]
		}
	}
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(v*unit >= 1 && v*unit < 1<<60) {
		return 0, cli.Usagef("--max-size is a size such as 8GB, not %q", s)
	}
	return int64(v * unit), nil
}

// sidecar is what may lie beside a model, as NAME.kinfer.json, to say how its inputs are made and its classes called.
type sidecar struct {
	Preprocess string   `json:"preprocess"`
	Color      string   `json:"color"`
	Resize     string   `json:"resize"`
	Engine     string   `json:"resize_engine"`
	Labels     []string `json:"labels"`
}

// readSidecar reads model.kinfer.json beside model.keras; a missing one is an empty one.
func readSidecar(model string) (s sidecar, err error) {
	path := strings.TrimSuffix(model, filepath.Ext(model)) + ".kinfer.json"
	f, size, err := safeio.OpenRegular(path, safeio.Limits{MaxFile: safeio.Defaults().MaxJSONBytes})
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	raw, err := safeio.Slice(f, size, 0, size)
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		return s, &safeio.FormatError{Where: safeio.Where{File: path}, Msg: "what lies beside the model can't be read", Err: err}
	}
	return s, nil
}

// applications are the preprocess_input modes of keras.applications whose models don't preprocess themselves, by the
// beginning of the model's name.
//
// Source: keras/src/applications/*.py
var applications = []struct{ prefix, mode string }{
	{"densenet", "torch"},
	{"inception", "tf"},
	{"mobilenetv3", "none"},
	{"MobilenetV3", "none"},
	{"mobilenet", "tf"},
	{"nasnet", "tf"},
	{"NASNet", "tf"},
	{"resnet50v2", "tf"},
	{"resnet101v2", "tf"},
	{"resnet152v2", "tf"},
	{"resnet", "caffe"},
	{"vgg", "caffe"},
	{"xception", "tf"},
}

// choosePreprocess says how pixels become the model's input, and why.
func choosePreprocess(m nn.Model, side sidecar) (p imaging.Preprocess, why string, err error) {
	if name := normaliser(m); name != "" {
		return p, "the model's own layer " + name, nil
	}
	if side.Preprocess != "" {
		p, err = imaging.ParsePreprocess(side.Preprocess)
		return p, "the file beside the model", err
	}
	for _, a := range applications {
		if strings.HasPrefix(m.Base().Name, a.prefix) {
			p, err = imaging.ParsePreprocess(a.mode)
			return p, "keras.applications, by the model's name", err
		}
	}
	return p, "nothing says otherwise; see --preprocess", nil
}

// normaliser names a layer that rescales or normalises inside the model.
func normaliser(m nn.Model) string {
	return normaliserAmong(nn.Layers(m))
}

func normaliserAmong(list []nn.Layer) (name string) {
	for _, l := range list {
		switch l := l.(type) {
		case *layers.Rescaling, *layers.Normalization:
			name = l.Base().Name
		case *layers.Pipeline:
			name = normaliserAmong(l.Layers)
		case nn.Model:
			name = normaliser(l)
		}
		if name != "" {
			return name
		}
	}
	return ""
}
