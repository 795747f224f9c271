/* tests/bench/yardstick.cc - faiss and hnswlib behind five functions of C. */
#include "tests/bench/yardstick.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <hnswlib/hnswlib.h>
#include <omp.h>

#include <memory>

struct yardstick {
	std::unique_ptr<faiss::Index> faiss;
	std::unique_ptr<hnswlib::InnerProductSpace> space;
	std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph;
};

struct yardstick *yardstick_build(enum yardstick_kind kind, const float *vectors, size_t count,
				  size_t dimensions)
{
	auto y = std::make_unique<yardstick>();

	omp_set_num_threads(1);
	if (kind == YARDSTICK_HNSWLIB) {
		y->space = std::make_unique<hnswlib::InnerProductSpace>(dimensions);
		y->graph = std::make_unique<hnswlib::HierarchicalNSW<float>>(y->space.get(), count,
									     16, 200);
		for (size_t i = 0; i < count; i++)
			y->graph->addPoint(vectors + i * dimensions, i);
		return y.release();
	}
	if (kind == YARDSTICK_FAISS_HNSW) {
		auto graph = std::make_unique<faiss::IndexHNSWFlat>(
			(int)dimensions, 16, faiss::METRIC_INNER_PRODUCT);

		graph->hnsw.efConstruction = 200;
		y->faiss = std::move(graph);
	} else {
		y->faiss = std::make_unique<faiss::IndexFlatIP>((faiss::Index::idx_t)dimensions);
	}
	y->faiss->add((faiss::Index::idx_t)count, vectors);
	return y.release();
}

void yardstick_free(struct yardstick *y)
{
	delete y;
}

void yardstick_search(struct yardstick *y, const float *query, size_t beam, int64_t *rows,
		      size_t max)
{
	if (y->graph) {
		y->graph->setEf(beam);
		auto found = y->graph->searchKnn(query, max);

		for (size_t i = max; i-- > 0;) {
			rows[i] = found.empty() ? -1 : (int64_t)found.top().second;
			if (!found.empty())
				found.pop();
		}
		return;
	}
	if (auto *graph = dynamic_cast<faiss::IndexHNSWFlat *>(y->faiss.get()))
		graph->hnsw.efSearch = (int)beam;
	std::unique_ptr<float[]> scores(new float[max]);

	y->faiss->search(1, query, (faiss::Index::idx_t)max, scores.get(), rows);
}
