"""LeNet-5 on clothes, its layers lazy: nobody counts how many numbers come out of the last convolution."""

import argparse
import time

import tinygrad_cnn as torch
import tinygrad_cnn.vision as torchvision
from tinygrad_cnn import nn
from tinygrad_cnn.utils import data
from tinygrad_cnn.vision import transforms

parser = argparse.ArgumentParser()
parser.add_argument("--root", default="../data")
parser.add_argument("--batch-size", type=int, default=256)
parser.add_argument("--num-epochs", type=int, default=10)
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--workers", type=int, default=4)
args = parser.parse_args()
torch.manual_seed(0)


def try_gpu(i=0):
    """GPU number i if there is one, else the CPU."""
    if torch.cuda.device_count() >= i + 1:
        return torch.device(f"cuda:{i}")
    return torch.device("cpu")


class Timer:
    def __init__(self):
        self.times = []
        self.start()

    def start(self):
        self.tik = time.time()

    def stop(self):
        self.times.append(time.time() - self.tik)
        return self.times[-1]


class Accumulator:
    """Sums of n quantities."""

    def __init__(self, n):
        self.data = [0.0] * n

    def add(self, *args):
        self.data = [a + float(b) for a, b in zip(self.data, args)]

    def __getitem__(self, idx):
        return self.data[idx]


def load_data_fashion_mnist(batch_size, resize=None):
    trans = [transforms.ToTensor()]
    if resize:
        trans.insert(0, transforms.Resize(resize))
    trans = transforms.Compose(trans)
    mnist_train = torchvision.datasets.FashionMNIST(root=args.root, train=True, transform=trans, download=True)
    mnist_test = torchvision.datasets.FashionMNIST(root=args.root, train=False, transform=trans, download=True)
    return (
        data.DataLoader(mnist_train, batch_size, shuffle=True, num_workers=args.workers),
        data.DataLoader(mnist_test, batch_size, shuffle=False, num_workers=args.workers),
    )


def init_cnn(module):
    """Xavier's first weights."""
    if type(module) == nn.Linear or type(module) == nn.Conv2d:
        nn.init.xavier_uniform_(module.weight)


class LeNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.net = nn.Sequential(
            nn.LazyConv2d(6, kernel_size=5, padding=2),
            nn.LazyBatchNorm2d(),
            nn.Tanh(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.LazyConv2d(16, kernel_size=5),
            nn.Tanh(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.Flatten(),
            nn.LazyLinear(120),
            nn.Tanh(),
            nn.LazyLinear(84),
            nn.Tanh(),
            nn.LazyLinear(num_classes),
        )

    def forward(self, X):
        return self.net(X)

    def layer_summary(self, X_shape):
        X = torch.randn(*X_shape)
        for layer in self.net:
            X = layer(X)
            print(layer.__class__.__name__, "output shape:\t", list(X.shape))


def accuracy(y_hat, y):
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(axis=1)
    cmp = y_hat.type(y.dtype) == y
    return float(cmp.type(y.dtype).sum())


def evaluate_accuracy_gpu(net, data_iter, device=None):
    if isinstance(net, nn.Module):
        net.eval()
        if not device:
            device = next(iter(net.parameters())).device
    metric = Accumulator(2)
    with torch.no_grad():
        for X, y in data_iter:
            X, y = X.to(device), y.to(device)
            metric.add(accuracy(net(X), y), y.numel())
    return metric[0] / metric[1]


def train(net, train_iter, test_iter, num_epochs, lr, device):
    net.apply(init_cnn)
    print("training on", device)
    net.to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    loss = nn.CrossEntropyLoss()
    timer = Timer()
    for epoch in range(num_epochs):
        metric = Accumulator(3)
        net.train()
        for X, y in train_iter:
            timer.start()
            optimizer.zero_grad(set_to_none=True)
            X, y = X.to(device), y.to(device)
            y_hat = net(X)
            l = loss(y_hat, y)
            l.backward()
            optimizer.step()
            with torch.no_grad():
                metric.add(l * X.shape[0], accuracy(y_hat, y), X.shape[0])
            timer.stop()
        train_l = metric[0] / metric[2]
        train_acc = metric[1] / metric[2]
        test_acc = evaluate_accuracy_gpu(net, test_iter)
        print(f"epoch {epoch + 1}: loss {train_l:.5f}, train acc {train_acc:.3f}, test acc {test_acc:.3f}")


train_iter, test_iter = load_data_fashion_mnist(args.batch_size, resize=(28, 28))
model = LeNet()
print("before the first input:", model.net[0])
model.layer_summary((1, 1, 28, 28))
print(model)
print("parameters:", sum(p.numel() for p in model.parameters() if p.requires_grad))
train(model, train_iter, test_iter, args.num_epochs, args.lr, try_gpu())
torch.save(model.state_dict(), "lenet.params")

clone = LeNet()
clone.load_state_dict(torch.load("lenet.params"))
clone.eval()
model.eval()
X, _ = next(iter(test_iter))
print("the same from the file:", torch.allclose(clone(X), model(X), atol=1e-6))
