// Run a kernel on each call of a folder: c++ main.cpp kernel.cpp -o kernel
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

void roi_align(const float *features, int n, int c, int h, int w, const float *boxes,
               const std::int64_t *batch_index, int r, int rows, int columns,
               float spatial_scale, int sampling_ratio, float *output);  // your kernel

template <typename T> std::vector<T> load(const std::string &path, std::size_t count) {
    std::vector<T> data(count);
    std::ifstream(path, std::ios::binary)
        .read(reinterpret_cast<char *>(data.data()), count * sizeof(T));
    return data;
}

int main(int argc, char **argv) {
    const std::string folder = argc > 1 ? argv[1] : ".";
    std::ifstream calls(folder + "/calls.txt");
    std::string call;
    int n, c, h, w, r, rows, columns, ratio;
    float scale;
    while (calls >> call >> n >> c >> h >> w >> r >> rows >> columns >> scale >> ratio) {
        const std::string inputs = folder + "/inputs/" + call;
        auto features = load<float>(inputs + "-features.bin", std::size_t(n) * c * h * w);
        auto boxes = load<float>(inputs + "-boxes.bin", std::size_t(r) * 4);
        auto index = load<std::int64_t>(inputs + "-batch_index.bin", r);
        std::vector<float> output(std::size_t(r) * c * rows * columns);
        roi_align(features.data(), n, c, h, w, boxes.data(), index.data(), r, rows, columns,
                  scale, ratio, output.data());
        std::ofstream(folder + "/outputs/" + call + ".bin", std::ios::binary)
            .write(reinterpret_cast<const char *>(output.data()), output.size() * sizeof(float));
    }
}
