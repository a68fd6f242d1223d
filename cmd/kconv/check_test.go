package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"kerasgo/internal/cli"
)

// TestCheck asks of models of all kinds whether they are supported: layers inside models and wrappers, operation nodes, what
// they were compiled with.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want []string // "status layer class"
	}{
		{[]string{data + "models/nested.keras"}, cli.OK, []string{"exact features/stem Sequential", "exact features/stem/max_pooling2d MaxPooling2D", "within tolerance dense Dense"}},
		{[]string{data + "models/lambdas.h5"}, cli.OK, []string{"exact concatenate Concatenate", "within tolerance dense Dense", "exact input_layer InputLayer"}},
		{[]string{data + "models/bidirectional_k2.h5"}, cli.OK, nil},
		{[]string{data + "models/mlp.keras"}, cli.OK, []string{"within tolerance (compiled) optimizer", "within tolerance (compiled) loss", "within tolerance (compiled) metrics"}},
		{[]string{data + "custom/lambdas.keras"}, cli.Unsupported, []string{"missing scaled Lambda", "missing each/squared Lambda", "missing dense Dense", "within tolerance head Dense"}},
		{[]string{data + "custom/lambdas_k2.h5"}, cli.Unsupported, []string{"missing scaled Lambda", "missing each/squared Lambda", "missing dense Dense"}},
		{[]string{data + "custom/antirectifier.h5"}, cli.Unsupported, []string{"missing anti Antirectifier", "missing first Dense"}},
		{[]string{data + "custom/lambdas.keras", "--lambda", "scaled=divide(127.5)|subtract(1)", "--lambda", "squared=square", "--lambda", "<lambda>=softsign",
			"--lambda", "middle=index(1)", "--lambda", "final=index(-1)", "--lambda", "distance=subtract|abs"}, cli.OK, []string{"within tolerance each/squared Lambda"}},
	} {
		code, out, errs := run(t, append([]string{"check", "--format", "json"}, c.args...)...)
		var rows []verdict
		if err := json.Unmarshal([]byte(out), &rows); err != nil || code != c.code || len(rows) == 0 {
			t.Errorf("check %s: exit %d, want %d; %d rows, %v; %s", c.args, code, c.code, len(rows), err, errs)
			continue
		}
		said := map[string]bool{}
		for _, r := range rows {
			said[strings.Join([]string{r.Status, r.Layer, r.Class}, " ")] = true
			if (r.Status == exact) != (r.Why == "") {
				t.Errorf("check %s: %+v", c.args, r)
			}
		}
		for _, w := range c.want {
			if !said[w] {
				t.Errorf("check %s doesn't say %q:\n%s", c.args, w, out)
			}
		}
	}
	for _, c := range []struct{ flag, want string }{{"scaled=shrink", "divide(C)"}, {"scaled", "NAME=FUNCTION"}} {
		if code, _, errs := run(t, "check", data+"custom/lambdas.keras", "--lambda", c.flag); code != cli.Usage || !strings.Contains(errs, c.want) {
			t.Errorf("--lambda %s: exit %d, %s", c.flag, code, errs)
		}
	}
	if code, out, _ := run(t, "check", data+"models/mlp.keras"); code != cli.OK || !strings.Contains(out, "10 layers: ") || !strings.Contains(out, " 0 missing") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

// TestCheckTraining: a loss that isn't known is told, and isn't in the way of inference.
func TestCheckTraining(t *testing.T) {
	path := t.TempDir() + "/m.json"
	if err := os.WriteFile(path, []byte(`{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
		{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 2], "name": "in"}}]},
		"compile_config": {"optimizer": "adam", "loss": {"module": "mine", "class_name": "Odd", "config": {}, "registered_name": "Mine>Odd"}, "metrics": ["mae"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := run(t, "check", path)
	if code != cli.OK || !strings.Contains(out, "for training alone") || !strings.Contains(out, `"Odd"`) {
		t.Errorf("exit %d:\n%s", code, out)
	}
}
