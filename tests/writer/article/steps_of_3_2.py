# The four steps of the article's section 3.2, which it describes and gives no code for, in the manner of section 4.2.
import torch
import torch.nn as nn

import reportgen


def train(visualizer: reportgen.Visualizer) -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for step in range(3):
        outputs = net(inputs)
        loss = outputs.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        visualizer.add_images("outputs", outputs, step)
    visualizer.add_text("parameters", "\n".join(f"* {name}: {tuple(p.shape)}" for name, p in net.named_parameters()))
    visualizer.add_graph(net)


inputs = torch.rand(12, 1, 12, 12)
visualizer = reportgen.Visualizer(inputs, folder="seen")
train(visualizer)
visualizer.write_images("pictures")
result = visualizer.build()
visualizer.close()
