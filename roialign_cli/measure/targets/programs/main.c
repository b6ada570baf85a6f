/* Run a kernel on each call of a folder: cc main.c kernel.c -o kernel -lm */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void roi_align(const float *features, int n, int c, int h, int w, const float *boxes,
               const int64_t *batch_index, int r, int rows, int columns, float spatial_scale,
               int sampling_ratio, float *output); /* your kernel */

static void *load(const char *folder, const char *call, const char *name, size_t bytes) {
    char path[4096];
    void *data = malloc(bytes);
    snprintf(path, sizeof path, "%s/inputs/%s-%s.bin", folder, call, name);
    FILE *file = fopen(path, "rb");
    if (!file || !data || fread(data, 1, bytes, file) != bytes) exit(1);
    fclose(file);
    return data;
}

int main(int argc, char **argv) {
    const char *folder = argc > 1 ? argv[1] : ".";
    char path[4096], call[8];
    int n, c, h, w, r, rows, columns, ratio;
    float scale;
    snprintf(path, sizeof path, "%s/calls.txt", folder);
    FILE *calls = fopen(path, "r");
    if (!calls) return 1;
    while (fscanf(calls, "%7s %d %d %d %d %d %d %d %f %d", call, &n, &c, &h, &w, &r, &rows,
                  &columns, &scale, &ratio) == 10) {
        float *features = load(folder, call, "features", sizeof(float) * n * c * h * w);
        float *boxes = load(folder, call, "boxes", sizeof(float) * r * 4);
        int64_t *index = load(folder, call, "batch_index", sizeof(int64_t) * r);
        size_t size = (size_t)r * c * rows * columns;
        float *output = calloc(size, sizeof(float));
        roi_align(features, n, c, h, w, boxes, index, r, rows, columns, scale, ratio, output);
        snprintf(path, sizeof path, "%s/outputs/%s.bin", folder, call);
        FILE *file = fopen(path, "wb");
        if (!file || fwrite(output, sizeof(float), size, file) != size) return 1;
        fclose(file);
        free(features), free(boxes), free(index), free(output);
    }
    return 0;
}
