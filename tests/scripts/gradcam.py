"""Grad-CAM (Selvaraju et al., 2016): where a network looks, by two hooks on its last convolution."""

import argparse

import numpy as np

import tinygrad_cnn as torch
import tinygrad_cnn.nn as nn
import tinygrad_cnn.nn.functional as F
from tinygrad_cnn.utils.data import DataLoader, TensorDataset, random_split
from tinygrad_cnn.vision.utils import make_grid, save_image

torch.manual_seed(7)
np.random.seed(7)
torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False


def make_shapes(n, size=32):
    """Squares (0), crosses (1) and discs (2) of any colour somewhere in a noisy picture, and where."""
    images = np.random.uniform(0, 0.3, (n, 3, size, size)).astype("float32")
    labels = np.random.randint(0, 3, n)
    places = np.random.randint(6, size - 6, (n, 2))
    rows, columns = np.mgrid[:size, :size]
    for image, label, (y, x) in zip(images, labels, places):
        dy, dx = abs(rows - y), abs(columns - x)
        mask = [np.maximum(dy, dx) <= 4, np.minimum(dy, dx) <= 1, dy**2 + dx**2 <= 20][label]
        image[:, mask & (np.maximum(dy, dx) <= 5)] += np.random.uniform(0.5, 0.7, (3, 1)).astype("float32")
    return torch.from_numpy(images), torch.from_numpy(labels), places


class ConvNet(nn.Module):
    def __init__(self, num_classes=3):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(16, 32, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 32, kernel_size=3, padding=1),
            nn.ReLU(inplace=False),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Linear(32, num_classes)

    def forward(self, x):
        x = self.features(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)


class GradCAM:
    """Watches one layer of a model: what it gives on the way forth, and its gradient on the way back."""

    def __init__(self, model, target_layer):
        self.model = model
        self.gradients = None
        self.activations = None
        self.handles = [
            target_layer.register_forward_hook(self.save_activation),
            target_layer.register_full_backward_hook(self.save_gradient),
        ]

    def save_activation(self, module, input, output):
        self.activations = output.detach()

    def save_gradient(self, module, grad_input, grad_output):
        self.gradients = grad_output[0].detach()

    def __call__(self, x, class_idx=None):
        b, c, h, w = x.size()
        logit = self.model(x)
        if class_idx is None:
            score = logit[:, logit.max(1)[-1]].squeeze()
        else:
            score = logit[:, class_idx].squeeze()
        self.model.zero_grad()
        score.backward()

        b, k, u, v = self.gradients.size()
        alpha = self.gradients.view(b, k, -1).mean(2)
        weights = alpha.view(b, k, 1, 1)
        saliency_map = (weights * self.activations).sum(1, keepdim=True)
        saliency_map = F.relu(saliency_map)
        saliency_map = F.interpolate(saliency_map, size=(h, w), mode="bilinear", align_corners=False)
        low, high = saliency_map.min(), saliency_map.max()
        saliency_map = (saliency_map - low).div(high - low + 1e-8).data
        return saliency_map, logit

    def remove(self):
        for handle in self.handles:
            handle.remove()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.05)
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"

    images, labels, places = make_shapes(args.images)
    dataset = TensorDataset(images, labels)
    n_val = int(0.2 * len(dataset))
    train_set, val_set = random_split(dataset, [len(dataset) - n_val, n_val])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=args.batch_size)

    model = ConvNet().to(device)
    criterion = nn.CrossEntropyLoss().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)

    for epoch in range(args.epochs):
        model.train()
        running_loss = 0.0
        for inputs, targets in train_loader:
            inputs, targets = inputs.to(device, non_blocking=True), targets.to(device, non_blocking=True)
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * inputs.size(0)
        scheduler.step()

        model.eval()
        total, correct = 0, 0
        with torch.no_grad():
            for inputs, targets in val_loader:
                outputs = model(inputs.to(device))
                _, predicted = torch.max(outputs.data, 1)
                total += targets.size(0)
                correct += (predicted == targets.to(device)).sum().item()
        print(
            "epoch %d, lr %.5f, loss %.5f, accuracy on %d others: %d %%"
            % (epoch + 1, scheduler.get_last_lr()[0], running_loss / len(train_set), total, 100 * correct / total)
        )

    torch.save(model.state_dict(), "shapes.pth")

    gradcam = GradCAM(model, model.features[-1])
    shown, hits = [], 0
    for i in val_set.indices[:8]:
        mask, logit = gradcam(images[i : i + 1].to(device))
        y, x = divmod(mask.flatten().argmax().item(), mask.shape[-1])
        near = max(abs(y - places[i][0]), abs(x - places[i][1])) <= 8
        hits += near
        print(
            "class {} at {}: seen as {} with {:.4f}, looking at {}".format(
                labels[i].item(),
                tuple(map(int, places[i])),
                logit.argmax(1).item(),
                F.softmax(logit, dim=1).max().item(),
                "it" if near else "something else",
            )
        )
        heat = torch.cat([mask[0], torch.zeros_like(mask[0]), 1 - mask[0]])
        shown += [images[i], (0.5 * images[i] + 0.5 * heat.cpu()).clamp(0, 1)]
    gradcam.remove()
    save_image(make_grid(torch.stack(shown), nrow=4), "gradcam.png")


if __name__ == "__main__":
    main()
